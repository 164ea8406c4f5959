/* The closed machine repairman as a plain event loop: the limit of what a general engine can reach.
 *
 * N customers think (exponential), then queue for one server (first come, first served, exponential).
 * The calendar is a binary heap with one event per customer; the due customer's next event replaces it.
 * Random numbers are made as ours are: splitmix64, and exponential times by the ziggurat of 256 layers
 * (Marsaglia and Tsang 2000); with -DLOGARITHM by a logarithm, as most would write it. With -DOWN_LINE
 * a customer who was served last is served in the mean time, without spread: the rule of our LINE step.
 *
 * cc -O2 repairman.c -lm;  repairman CYCLES SEED CUSTOMERS THINK SERVICE
 * prints: cycles, events, seconds of processor time, cycles per unit of time
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <time.h>

static uint64_t stream;

static inline uint64_t word(void)
{
	uint64_t z = (stream += 0x9E3779B97F4A7C15u);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static inline double uniform(uint64_t z)
{
	return (double)(z >> 11) * 0x1p-53 + 0x1p-54;
}

#ifdef LOGARITHM
static void layers(void) { }

static inline double exponential(double mean)
{
	return -log(uniform(word())) * mean;
}
#else
#define LAYERS 256
static const double tail = 7.69711747013104972, area = 3.949659822581557e-3;
static double right[LAYERS + 1], height[LAYERS + 1];

/* Right edges of layers of equal area under exp(-x); the first as if its tail were part of a rectangle. */
static void layers(void)
{
	right[0] = area / exp(-tail);
	right[1] = tail;
	for (int k = 2; k < LAYERS; k++)
		right[k] = -log(exp(-right[k - 1]) + area / right[k - 1]);
	right[LAYERS] = 0;
	for (int k = 0; k <= LAYERS; k++)
		height[k] = exp(-right[k]);
}

static inline double exponential(double mean)
{
	for (;;) {
		uint64_t z = word();
		int k = z & (LAYERS - 1);
		double x = uniform(z) * right[k];

		if (x < right[k + 1])
			return x * mean;
		if (k == 0)
			return (tail - log(uniform(word()))) * mean;
		if (height[k] + uniform(word()) * (height[k + 1] - height[k]) < exp(-x))
			return x * mean;
	}
}
#endif

#ifdef OWN_LINE
static int last = -1;
#define SERVICE (last == next.who ? service : exponential(service))
#else
#define SERVICE exponential(service)
#endif

struct event {
	double due;
	int who;
};

/* The root's event becomes `next`, which sinks to its place. */
static inline void replace_first(struct event *heap, int n, struct event next)
{
	int at = 0, child;

	while ((child = 2 * at + 1) < n) {
		if (child + 1 < n && heap[child + 1].due < heap[child].due)
			child++;
		if (heap[child].due >= next.due)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = next;
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	long cycles = atol(argv[1]), done = 0, events = 0;
	int n = atoi(argv[3]);
	double think = atof(argv[4]), service = atof(argv[5]), now = 0, server_free = 0;
	struct event *heap = malloc(n * sizeof *heap);
	unsigned char *queued = calloc(n, 1);

	layers();
	stream = strtoull(argv[2], NULL, 10) * 0xD1342543DE82EF95u;
	for (int i = 0; i < n; i++)
		heap[i] = (struct event){INFINITY, i};
	for (int i = 0; i < n; i++)
		replace_first(heap, n, (struct event){0, heap[0].who});
	for (int i = 0; i < n; i++)
		heap[i].due = 0;
	clock_t started = clock();
	for (int i = 0; i < n; i++)
		replace_first(heap, n, (struct event){exponential(think), heap[0].who});
	for (; done < cycles; events++) {
		struct event next = heap[0];

		now = next.due;
		if (queued[next.who]) {
			queued[next.who] = 0;
			done++;
			next.due += exponential(think);
		} else {
			queued[next.who] = 1;
			server_free = (server_free > now ? server_free : now) + SERVICE;
#ifdef OWN_LINE
			last = next.who;
#endif
			next.due = server_free;
		}
		replace_first(heap, n, next);
	}
	printf("%ld %ld %.9f %.9f\n", done, events, (double)(clock() - started) / CLOCKS_PER_SEC, done / now);
	return 0;
}
