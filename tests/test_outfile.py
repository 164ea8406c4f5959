"""Files are written whole or not at all, and refused before anything is computed for them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spfmodel.outfile import check_writable, replace_file, replaced
from spfmodel.sources import BadInput


def test_nothing_asked_nothing_checked() -> None:
    check_writable(None, "--csv")


def test_places_that_take_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--csv .* is a folder; name a file"):
        check_writable(tmp_path, "--csv")
    with pytest.raises(BadInput, match=r"the folder .*none does not exist; make it, or name another file"):
        check_writable(tmp_path / "none" / "x.csv", "--csv")
    with pytest.raises(BadInput, match=r"--csv /proc/x.csv can't be written"):
        check_writable(Path("/proc/x.csv"), "--csv")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BadInput, match="does not exist"):
        check_writable(file / "x.csv", "--csv")


def test_checking_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "x.csv", "--csv")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("before")
    file.chmod(0o640)
    replace_file(file, "after")
    assert file.read_text() == "after"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_new_file_is_as_open_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    replace_file(tmp_path / "x.csv", "new")
    assert (tmp_path / "x.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_goes_on_pointing_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    replace_file(tmp_path / "link", "after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "after"


def write_half(file: Path, accident: BaseException) -> None:
    with replaced(file) as fresh:
        fresh.write_text("half")
        raise accident


def test_what_fails_halfway_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_half(file, KeyboardInterrupt())
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_disk_error_becomes_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"x.csv can't be written \(No space left on device\); name another file"):
        write_half(tmp_path / "x.csv", OSError(28, os.strerror(28)))
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_and_stays_a_device() -> None:
    check_writable(Path("/dev/null"), "--csv")
    replace_file(Path("/dev/null"), "gone")
    assert Path("/dev/null").is_char_device()
