/*
 * inflate [-j N] FILE... - inflate all data members of archives with libdeflate on N threads, and
 * do nothing with what comes out: the least time in which anything can search them.
 *
 * Prints members and bytes.  Files are mapped; members are found by the sizes in their own
 * headers (docs/format.md), so what is timed is inflate and its checksums.
 */
#include <bytes.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER  24 /* of a member, up to its fixed part */
#define KIND    16 /* in a member: 1 is data */
#define THREADS 64

struct member {
	const uint8_t *p;
	uint32_t stored, plain;
};

struct members {
	struct member *v;
	size_t n, cap;
	atomic_size_t next;
	_Atomic uint64_t bytes;
	uint32_t largest;
};

static void
die(const char *what, const char *path)
{
	fprintf(stderr, "inflate: %s: %s\n", path, what);
	exit(1);
}

static void
members_add(struct members *m, struct member one)
{
	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 1024;
		if ((m->v = realloc(m->v, m->cap * sizeof *m->v)) == NULL)
			die("out of memory", "members");
	}
	if (m->largest < one.plain)
		m->largest = one.plain;
	m->v[m->n++] = one;
}

static void
map_file(struct members *m, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const uint8_t *p;
	size_t at = 0, n;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		die("cannot be read", path);
	n = (size_t)st.st_size;
	p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		die("cannot be mapped", path);
	close(fd);
	for (; n - at >= HEADER + 8 && p[at + KIND] == 1; at += m->v[m->n - 1].stored) {
		struct member one = { p + at, get_le32(p + at + HEADER),
			get_le32(p + at + HEADER + 4) };

		if (memcmp(p + at, "\x1f\x8b\x08\x04", 4) != 0 ||
		    memcmp(p + at + 12, "AL", 2) != 0 || one.stored == 0 || one.stored > n - at)
			die("no archive", path);
		members_add(m, one);
	}
}

static void *
work(void *arg)
{
	struct members *m = arg;
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	uint8_t *out = malloc(m->largest);
	size_t i, n;

	if (d == NULL || out == NULL)
		die("out of memory", "thread");
	while ((i = atomic_fetch_add(&m->next, 1)) < m->n) {
		if (libdeflate_gzip_decompress(
			d, m->v[i].p, m->v[i].stored, out, m->v[i].plain, &n) != 0)
			die("damaged", "member");
		m->bytes += n;
	}
	free(out);
	libdeflate_free_decompressor(d);
	return NULL;
}

int
main(int argc, char **argv)
{
	struct members m = { 0 };
	pthread_t thread[THREADS];
	int opt, threads = (int)sysconf(_SC_NPROCESSORS_ONLN);

	while ((opt = getopt(argc, argv, "j:")) == 'j')
		threads = atoi(optarg);
	if (opt != -1 || optind == argc || threads < 1 || threads > THREADS) {
		fprintf(stderr, "usage: inflate [-j N] FILE...\n");
		return 2;
	}
	for (int i = optind; i < argc; i++)
		map_file(&m, argv[i]);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, work, &m) != 0)
			die("cannot be started", "thread");
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	printf("%zu members, %" PRIu64 " bytes\n", m.n, (uint64_t)m.bytes);
	free(m.v);
	return 0;
}
