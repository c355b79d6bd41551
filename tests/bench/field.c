/*
 * field FILE [ROUNDS] - how fast the fields of JSON lines are read, on one core.
 *
 * At most 64 MB of FILE's lines are read again and again, in turns: by field_get, every field
 * of the trail at once and two of them; by field_walk, every leaf; by field_check; and by
 * jansson, which builds a tree.  Prints the median of the rounds and the best, in GB of lines a second of
 * processor time, separated by tabs.
 */
#include <field.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BYTES  (64u << 20)
#define ROUNDS 15

struct text {
	char *p;
	size_t n;
};

static const char *const names[] = { "ts", "level", "run_id", "seq", "service", "host", "pid",
	"stage", "event", "status", "duration_ms", "msg", "user", "frame", "objects",
	"latency_ms", "device", "waited_ms" };

#define NAMES (sizeof names / sizeof names[0])

/* Each reads one line and returns something of it, so that no reading is left out. */

static size_t
get(const char *line, size_t n, const struct field_path *path, size_t npath)
{
	struct field value[NAMES];
	size_t sum = 0;

	if (field_get(line, n, path, npath, value) < 0)
		abort();
	for (size_t i = 0; i < npath; i++)
		sum += value[i].type;
	return sum;
}

static size_t
get_all(const char *line, size_t n)
{
	static struct field_path path[NAMES];

	if (path[0].text == NULL)
		for (size_t i = 0; i < NAMES; i++)
			field_path_set(&path[i], names[i], strlen(names[i]));
	return get(line, n, path, NAMES);
}

static size_t
get_two(const char *line, size_t n)
{
	static struct field_path path[2];

	if (path[0].text == NULL) {
		field_path_set(&path[0], "stage", 5);
		field_path_set(&path[1], "duration_ms", 11);
	}
	return get(line, n, path, 2);
}

static int
count_leaf(void *arg, const char *path, size_t npath, const struct field *value)
{
	size_t *sum = arg;

	(void)path;
	*sum += npath + value->type;
	return 0;
}

static size_t
walk(const char *line, size_t n)
{
	size_t sum = 0;

	if (field_walk(line, n, count_leaf, &sum) != 0)
		abort();
	return sum;
}

static size_t
check(const char *line, size_t n)
{
	if (field_check(line, n, NULL, NULL) < 0)
		abort();
	return 1;
}

static size_t
jansson(const char *line, size_t n)
{
	json_t *tree = json_loadb(line, n, 0, NULL);
	size_t sum = json_object_size(tree);

	if (tree == NULL)
		abort();
	json_decref(tree);
	return sum;
}

static const struct {
	const char *name;
	size_t (*read)(const char *line, size_t n);
} readers[] = {
	{ "field_get, all fields", get_all },
	{ "field_get, two fields", get_two },
	{ "field_walk", walk },
	{ "field_check", check },
	{ "jansson, json_loadb", jansson },
};

#define READERS (sizeof readers / sizeof readers[0])

static struct text
slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	struct text t = { malloc(BYTES), 0 };

	if (f == NULL || t.p == NULL || (t.n = fread(t.p, 1, BYTES, f)) == 0) {
		fprintf(stderr, "field: %s: cannot be read\n", path);
		exit(1);
	}
	fclose(f);
	while (t.n > 0 && t.p[t.n - 1] != '\n')
		t.n--;
	return t;
}

static volatile size_t sink; /* of what was read, so that it is read */

/* GB of lines a second. */
static double
read_lines(struct text t, size_t (*read)(const char *line, size_t n))
{
	const char *end = t.p + t.n, *line = t.p, *eol;
	struct timespec a, b;
	size_t sum = 0;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	for (; line < end; line = eol + 1) {
		eol = memchr(line, '\n', (size_t)(end - line));
		sum += read(line, (size_t)(eol - line));
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	sink = sum;
	return (double)t.n /
	    ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec));
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char **argv)
{
	double speed[READERS][ROUNDS];
	int rounds = argc > 2 ? atoi(argv[2]) : ROUNDS;
	struct text t;

	if (argc < 2 || argc > 3 || rounds < 1 || rounds > ROUNDS) {
		fprintf(stderr, "usage: field FILE [ROUNDS, at most %d]\n", ROUNDS);
		return 2;
	}
	t = slurp(argv[1]);
	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; i < READERS; i++)
			speed[i][round] = read_lines(t, readers[i].read);
	for (size_t i = 0; i < READERS; i++) {
		qsort(speed[i], (size_t)rounds, sizeof speed[i][0], by_value);
		printf("%s\t%.3f\t%.3f\n", readers[i].name, speed[i][rounds / 2],
		    speed[i][rounds - 1]);
	}
	free(t.p);
	return 0;
}
