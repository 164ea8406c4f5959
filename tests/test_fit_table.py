"""The measurement table: read as the contract says, refused with file, line, value and remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spfmodel import catalog
from spfmodel.fit_model import Model
from spfmodel.fit_table import read
from spfmodel.observations import LEAST_SD, Observation, merged
from spfmodel.settings import parse, with_settings
from spfmodel.sources import BadInput

VM, EBIZZY = catalog.uncalibrated("x86-vm-16"), catalog.workload("ebizzy-mTRp")
HEAD = "protocol,n_threads,quantity,value"


def table(folder: Path, *rows: str, head: str = HEAD) -> Path:
    file = folder / "mine.csv"
    file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return file


def read_rows(folder: Path, *rows: str, head: str = HEAD, use: tuple[str, ...] = ()) -> list[Observation]:
    return read(table(folder, *rows, head=head), EBIZZY, VM, use)


def test_a_row_is_an_observation(tmp_path: Path) -> None:
    (found,) = read_rows(tmp_path, "mmap_sem,32,throughput_per_s,12000")
    assert (found.protocol.name, found.n_threads, found.quantity, found.value) == (
        "mmap_sem",
        32,
        "throughput_per_s",
        12e3,
    )
    assert found.log_sd == LEAST_SD == 0.03
    assert found.workload is EBIZZY
    assert found.rows == ("mine.csv:2",)


def test_spread_repetitions_and_workload_of_a_row(tmp_path: Path) -> None:
    rows = read_rows(
        tmp_path, "mmap_sem, 32, throughput_per_s, 1000, 100, 4,, threads", "mmap_sem,16,throughput_per_s,5e5,,,brk1,",
        head=f"{HEAD}, stddev, repetitions, workload, mode",
    )  # fmt: skip
    assert rows[0].log_sd == pytest.approx(0.05)
    assert [row.workload.name for row in rows] == ["ebizzy-mTRp", "brk1"]


def test_a_process_each_is_another_setting(tmp_path: Path) -> None:
    lines = [f"mmap_sem,32,throughput_per_s,{v},{mode}" for v, mode in ((1, ""), (2, "threads"), (4, "processes"))]
    rows = merged(read_rows(tmp_path, *lines, head=f"{HEAD},mode"))
    assert [row.workload.choice("mode") for row in rows] == ["threads", "processes"]
    assert rows[0].value == pytest.approx(2**0.5)
    model = Model(VM, EBIZZY, rows, seed=1, events=4_000)
    threads, processes = model.logs(np.zeros((1, len(model.parameters))))[0]
    assert processes > threads + 1


def test_lines_may_be_quoted_blank_or_shorter_and_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        '\ufeff"protocol",n_threads,quantity,value,stddev\n\n"mmap_sem",4,throughput_per_s,7\n,,,,\n', encoding="utf-8"
    )
    (found,) = read(file, EBIZZY, VM)
    assert found.rows == ("mine.csv:3",)
    assert found.value == 7


@pytest.mark.parametrize("quantity", ["ns:wake_ns", "ns:line_ns", "fallback_share", "abort_share:vma_changed"])
def test_quantities(tmp_path: Path, quantity: str) -> None:
    (found,) = read_rows(tmp_path, f"spf_rwlock,32,{quantity},0.5")
    assert found.quantity == quantity


def test_use_keeps_rows_of_the_named_protocols(tmp_path: Path) -> None:
    rows = ("mmap_sem,32,throughput_per_s,12000", "spf_rwlock,32,throughput_per_s,60000")
    assert len(read_rows(tmp_path, *rows)) == 2
    (found,) = read_rows(tmp_path, *rows, use=("spf_rwlock",))
    assert found.value == 6e4
    with pytest.raises(BadInput, match=r"mine.csv: no rows of ideal to fit; add at least one throughput_per_s row"):
        read_rows(tmp_path, *rows, use=("ideal",))


def test_the_tables_own_workload_keeps_what_was_set(tmp_path: Path) -> None:
    _, workload, _ = with_settings(VM, EBIZZY, parse(["workload.think_ns=7"]))
    file = table(tmp_path, "mmap_sem,32,throughput_per_s,1,ebizzy-mTRp", head=f"{HEAD},workload")
    assert read(file, workload, VM)[0].workload.parameters["think_ns"].value == 7


def test_repetitions_are_merged_and_their_scatter_counts(tmp_path: Path) -> None:
    rows = read_rows(tmp_path, *(f"mmap_sem,32,throughput_per_s,{v}" for v in (1000, 2000, 4000)))
    (found,) = merged(rows)
    assert found.value == pytest.approx(2000)
    assert found.log_sd == pytest.approx(0.6931 / 3**0.5, rel=1e-3)
    assert found.rows == ("mine.csv:2", "mine.csv:3", "mine.csv:4")


REFUSED = [
    ("mmap_sen,32,throughput_per_s,1", r"mine.csv, line 2: unknown protocol mmap_sen; did you mean mmap_sem\?"),
    (",32,throughput_per_s,1", r"line 2: unknown protocol \(empty\); known are"),
    ("mmap_sem,0,throughput_per_s,1", "line 2: n_threads is 0; give a whole number from 1"),
    ("mmap_sem,-4,throughput_per_s,1", "line 2: n_threads is -4; give a whole number"),
    ("mmap_sem,2.5,throughput_per_s,1", "line 2: n_threads is 2.5; give a whole number"),
    ("mmap_sem,\u00b2,throughput_per_s,1", "line 2: n_threads is \u00b2; give a whole number"),
    ("mmap_sem,,throughput_per_s,1", "line 2: n_threads is empty"),
    ("mmap_sem,99999999,throughput_per_s,1", "n_threads is 99999999; give a whole number from 1 to 4096"),
    ("mmap_sem,32,throughput_per_s,-1", "line 2: value is -1; give a finite number above 0"),
    ("mmap_sem,32,throughput_per_s,0", "line 2: value is 0; give a finite number above 0"),
    ("mmap_sem,32,throughput_per_s,nan", "line 2: value is nan; give a finite number"),
    ("mmap_sem,32,throughput_per_s,fast", "line 2: value is fast; give a number"),
    ("mmap_sem,32,throughput_per_s,", "line 2: value is empty; give a number"),
    ("mmap_sem,32,throughput_per_s,12,000", "line 2: 5 values for 4 columns"),
    ("mmap_sem,32,throughput,1", r"line 2: unknown quantity throughput; did you mean throughput_per_s\?"),
    ("mmap_sem,32,ns:wake,1", r"line 2: unknown quantity ns:wake; did you mean ns:wake_ns\?"),
    ("mmap_sem,32,ns:memory_ratio,1", "line 2: unknown quantity ns:memory_ratio; "),
    ("mmap_sem,32,,1", r"line 2: unknown quantity \(empty\); write throughput_per_s, fallback_share"),
    ("spf_rwlock,32,abort_share:vma_chnged,.1", r"did you mean abort_share:vma_changed\?"),
    ("spf_mmseq,32,abort_share:vma_changed,.1", "line 2: spf_mmseq has no cause vma_changed; "),
    ("spf_rwlock,32,fallback_share,1.2", "line 2: fallback_share is 1.2; a share is at most 1"),
    ("spf_rwlock,1,fallback_share,.1", "line 2: spf_rwlock never tries under ebizzy-mTRp with n_threads 1"),
    ("mmap_sem,32,fallback_share,.1", "line 2: mmap_sem never tries under ebizzy-mTRp"),
    ('mmap_sem,32,"throughput_per_s,1', "line 2: no valid CSV"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "sentence"), REFUSED, ids=[row for row, _ in REFUSED])
def test_refused_row(tmp_path: Path, row: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as caught:
        read_rows(tmp_path, row)
    assert str(tmp_path / "mine.csv") in str(caught.value)
    assert "\n" not in str(caught.value)


MORE = [
    ("mmap_sem,32,throughput_per_s,1,-3,,,", "line 2: stddev is -3; give a finite number of at least 0"),
    ("mmap_sem,32,throughput_per_s,1,3%,,,", "line 2: stddev is 3%; give a number"),
    ("mmap_sem,32,throughput_per_s,1,,0,,", "line 2: repetitions is 0; give a whole number"),
    ("mmap_sem,32,throughput_per_s,1,,,brk2,", r"mine.csv, line 2: unknown workload brk2; did you mean brk1\?"),
    ("mmap_sem,32,throughput_per_s,1,,,,fork", "line 2: unknown mode fork; write threads or processes"),
    ("spf_rwlock,32,fallback_share,.1,,,,processes", "line 2: spf_rwlock never tries under ebizzy-mTRp"),
    ("spf_rwlock,4,fallback_share,.5,,,brk1,", "line 2: spf_rwlock never tries under brk1"),
]


@pytest.mark.parametrize(("row", "sentence"), MORE)
def test_refused_options_of_a_row(tmp_path: Path, row: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read_rows(tmp_path, row, head=f"{HEAD},stddev,repetitions,workload,mode")


@pytest.mark.parametrize("column", HEAD.split(","))
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    head = ",".join(name for name in HEAD.split(",") if name != column)
    with pytest.raises(BadInput, match=f"mine.csv: column {column} is missing; the header must have {HEAD}"):
        read_rows(tmp_path, "1,2,3", head=head)


def test_misspelt_and_doubled_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"column stdev is unknown; did you mean stddev\?"):
        read_rows(tmp_path, head=f"{HEAD},stdev")
    with pytest.raises(BadInput, match="column value is there twice; keep one"):
        read_rows(tmp_path, head=f"{HEAD},value")


def test_files_that_cannot_be_tables(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere.csv: can't be read \(No such file or directory\); give a CSV file"):
        read(tmp_path / "nowhere.csv", EBIZZY, VM)
    with pytest.raises(BadInput, match="can't be read"):
        read(tmp_path, EBIZZY, VM)
    with pytest.raises(BadInput, match="no rows to fit; add at least one throughput_per_s row of mmap_sem"):
        read_rows(tmp_path)
    binary = tmp_path / "picture.csv"
    binary.write_bytes(b"\x89PNG\xff\x00")
    with pytest.raises(BadInput, match="not UTF-8 text"):
        read(binary, EBIZZY, VM)
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(BadInput, match="column protocol is missing"):
        read(empty, EBIZZY, VM)
