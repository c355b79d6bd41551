#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "gunzip.h"
#include "notes.h"
#include "prune.h"
#include "sequence.h"
#include "sys.h"

/* Enough for the header of a member of ours. */
#define PEEK_BYTES (FORMAT_HEADER_BYTES + FORMAT_EXTRA_MAX)

/* At making a plan, while files vanish that were listed. */
#define ATTEMPTS 8
/* Pieces of work that are under way at a time, and files in one at most. */
#define PIECES      64
#define PIECE_FILES 64
/* Members in the lists of all files: some megabytes. */
#define KEPT_MAX 65536

struct planning {
	struct plan *plan;
	const struct question *q;
	const struct match_query *query; /* or NULL: indexes are not asked */
	bool counting;
	pthread_mutex_t *lock; /* of the plan's schemas */
	const struct qwarn *warn;
	auditq_counts *counts;
	auditq_error *err;
};

/* A piece of the catalog. */
struct piece {
	struct work work; /* first */
	struct planning planning;
	size_t first, end;
	int r;
	struct notes notes;
	struct qwarn warn;
	auditq_counts counts;
	auditq_error err;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "plan");
}

/* ---- opening ---- */

/* A segment that was sealed since it was listed. */
static int
open_sealed(struct catalog_file *f)
{
	size_t n = strlen(f->path);
	char *sealed;
	int fd;

	if (n < 6 || strcmp(f->path + n - 6, ".jsonl") != 0 ||
	    asprintf(&sealed, "%s.gz", f->path) < 0) {
		errno = ENOENT;
		return -1;
	}
	fd = sys->openat(AT_FDCWD, sealed, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0) {
		free(sealed);
		return -1;
	}
	free(f->path);
	f->path = sealed;
	f->open = false;
	return fd;
}

/* A descriptor, or -1 when the file cannot be read, which was said. */
static int
open_listed(const struct planning *p, struct catalog_file *f)
{
	struct stat st;
	int fd =
	    sys->openat(AT_FDCWD, f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0 && errno == ENOENT)
		fd = open_sealed(f);
	if (fd < 0 && errno == ENOENT) {
		qwarn_send(p->warn, AUDITQ_ENOENT, false, f->path, 0, 0,
		    "removed since it was listed, as retention does");
		return -1;
	}
	if (fd < 0) {
		qwarn_send(p->warn, AUDITQ_EIO, true, f->path, 0, 0, "cannot open: %s",
		    strerrordesc_np(errno));
		return -1;
	}
	if (sys->fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		qwarn_send(p->warn, AUDITQ_EIO, true, f->path, 0, 0, "not a regular file");
		(void)sys->close(fd);
		return -1;
	}
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = (uint64_t)st.st_size;
	f->mtime = (int64_t)st.st_mtim.tv_sec * CLOCK_S + st.st_mtim.tv_nsec;
	return fd;
}

/* ---- schemas ---- */

/* The number of a schema, which few trails have more than one of. */
static int
add_schema(const struct planning *p, const struct schema *s, unsigned *out)
{
	struct plan *plan = p->plan;
	struct schema *grown;
	size_t i = 0;

	(void)pthread_mutex_lock(p->lock);
	while (i < plan->nschema && !schema_equal(&plan->schema[i], s))
		i++;
	if (i == plan->nschema &&
	    (grown = realloc(plan->schema, (i + 1) * sizeof *grown)) != NULL) {
		plan->schema = grown;
		plan->schema[plan->nschema++] = *s;
	}
	*out = (unsigned)i;
	i = plan->nschema;
	(void)pthread_mutex_unlock(p->lock);
	return *out < i ? 0 : no_memory(p->err);
}

/* ---- one file ---- */

static void
refuse(const struct planning *p, struct plan_file *f, int code, const char *why)
{
	qwarn_send(p->warn, code, true, f->in->path, 0, 0, "%s", why);
	f->how = PLAN_SKIP;
}

/* A gzip file without a footer of ours: another program's, or an archive that is damaged or cut. */
static int
look_at_start(const struct planning *p, struct plan_file *f, int fd, const char *why)
{
	struct format_data data;
	struct schema schema;
	auditq_error error;
	uint8_t *start;
	size_t header;
	ssize_t n;
	int r;

	if ((start = malloc(PEEK_BYTES)) == NULL)
		return no_memory(p->err);
	n = sys_pread_all(fd, start, PEEK_BYTES, 0);
	qerror_reset(&error);
	r = n <= 0 ? 0 : index_peek_member(start, (size_t)n, &data, &schema, &header, &error);
	free(start);
	if (r == AUDITQ_EVERSION) {
		refuse(p, f, r, error.text);
		return 0;
	}
	if (r == 0)
		return 0;
	if (p->q->use_index)
		qwarn_send(p->warn, AUDITQ_ECORRUPT, false, f->in->path, 0, 0,
		    "no usable index, so all of it is read: %s", why);
	return r == 1 ? add_schema(p, &schema, &f->schema) : 0;
}

/* Whether the totals show that no line matches. */
static bool
footer_excludes(const struct question *q, const struct format_footer *footer)
{
	uint64_t levels = 0;

	if (footer->min_ts == CLOCK_NONE || footer->max_ts < q->after ||
	    (q->before != INT64_MAX && footer->min_ts >= q->before))
		return q->after != INT64_MIN || q->before != INT64_MAX;
	if (footer->unreadable > 0 || q->invert)
		return false;
	for (int i = 0; i < SCHEMA_LEVELS; i++)
		levels += (q->levels >> i & 1) != 0 ? footer->levels[i] : 0;
	return (q->failed && footer->failed == 0) || (q->levels != 0 && levels == 0);
}

static int
take_footer(const struct planning *p, struct plan_file *f, const struct format_footer *footer)
{
	struct schema schema;

	if (schema_parse(footer->schema, footer->schema_bytes, &schema) < 0) {
		refuse(p, f, AUDITQ_EVERSION,
		    "made under a schema that this version does not know");
		return 0;
	}
	f->ours = true;
	f->lines = footer->lines;
	f->untimed = footer->untimed > 0;
	f->min_ts = footer->min_ts;
	f->max_ts = footer->max_ts;
	f->compacted = footer->compacted;
	memcpy(f->whole, footer->whole, sizeof f->whole);
	f->seqs = footer->seqs;
	f->first_seq = footer->first_seq;
	f->last_seq = footer->last_seq;
	if (p->q->use_index) {
		f->how = PLAN_ARCHIVE;
		if (footer_excludes(p->q, footer)) {
			f->how = PLAN_SKIP;
			p->counts->files_by_footer++;
		}
	}
	return add_schema(p, &schema, &f->schema);
}

/* A footer that is whole, in a file shorter than it says: something was taken out before it. */
static void
look_for_lines(struct plan_file *f, int fd)
{
	uint8_t last[FORMAT_FOOTER_BYTES];
	struct format_footer footer;

	if (f->in->size < sizeof last ||
	    sys_pread_all(fd, last, sizeof last, (off_t)(f->in->size - sizeof last)) !=
		(ssize_t)sizeof last ||
	    format_get_footer(last, &footer) < 0 || footer.file_bytes <= f->in->size)
		return;
	f->ours = true;
	f->lines = footer.lines;
}

static void
add_counts(auditq_counts *to, const auditq_counts *from)
{
	to->files_by_footer += from->files_by_footer;
	to->files_replaced += from->files_replaced;
	to->members += from->members;
	to->members_by_time += from->members_by_time;
	to->members_by_counts += from->members_by_counts;
	to->members_by_filter += from->members_by_filter;
	to->members_by_run += from->members_by_run;
}

/* Whether there is room for the members that have to be read of a file, until they are. */
static bool
keep_members(struct plan *plan, struct plan_file *f, struct plan_member *member, size_t n)
{
	if (__atomic_add_fetch(&plan->kept, n, __ATOMIC_RELAXED) > KEPT_MAX) {
		(void)__atomic_sub_fetch(&plan->kept, n, __ATOMIC_RELAXED);
		free(member);
		return false;
	}
	if ((f->member = realloc(member, n * sizeof *member)) == NULL)
		f->member = member;
	f->nmember = n;
	return true;
}

/* Ask an archive's index, now that it is open.  What there is to read is kept for its time; but of a count
 * only that there is nothing, since it is not known yet whether summaries may answer. */
static int
ask_index(const struct planning *p, struct plan_file *f, int fd)
{
	auditq_counts counts = { 0 };
	struct plan_member *member = NULL;
	uint64_t answered = 0;
	size_t n = 0;
	int r = plan_members(p->plan, (size_t)(f - p->plan->file), fd, p->q, p->query, &member,
	    &n, p->counting ? &answered : NULL, p->warn, &counts, p->err);

	if (r < 0)
		return r;
	if (r > 0) {
		f->planned = f->unusable = true;
	} else if (n == 0 && answered == 0) {
		free(member);
		f->how = PLAN_SKIP;
	} else if (n == 0 || p->counting) {
		free(member);
		return 0;
	} else if (!(f->planned = keep_members(p->plan, f, member, n))) {
		return 0;
	}
	add_counts(p->counts, &counts);
	return 0;
}

static int
look_at_gzip(const struct planning *p, struct plan_file *f, int fd)
{
	struct format_footer footer;
	alog_error error;
	int r;

	error_reset(&error);
	r = archive_read_footer(fd, f->in->size, f->in->path, &footer, &error);
	if (r == 0) {
		r = take_footer(p, f, &footer);
		return r == 0 && f->how == PLAN_ARCHIVE && p->query != NULL
		    ? ask_index(p, f, fd)
		    : r;
	}
	if (r == ALOG_EVERSION) {
		refuse(p, f, AUDITQ_EVERSION, error.text);
		return 0;
	}
	look_for_lines(f, fd);
	return look_at_start(p, f, fd, error.text);
}

static void
look_at_plain(struct plan_file *f, int fd)
{
	const struct catalog_file *in = f->in;
	size_t n = strlen(in->path);

	/* What is called gzip may be taken for damaged gzip when it is read. */
	f->plain = n < 3 || strcmp(in->path + n - 3, ".gz") != 0;
	if (in->writer[0] != '\0')
		f->seqs = sequence_of_plain(fd, in->size, &f->first_seq, &f->last_seq);
}

static int
look(const struct planning *p, struct plan_file *f, struct catalog_file *in)
{
	uint8_t magic[2];
	ssize_t n;
	int fd, r = 0;

	f->in = in;
	f->how = PLAN_STREAM;
	if (in->kind != CATALOG_REGULAR)
		return 0;
	if ((fd = open_listed(p, in)) < 0) {
		f->how = PLAN_SKIP;
		return 0;
	}
	n = sys_pread_all(fd, magic, sizeof magic, 0);
	if (n < 0)
		refuse(p, f, AUDITQ_EIO, "cannot read");
	else if (gunzip_magic(magic, (size_t)n))
		r = look_at_gzip(p, f, fd);
	else
		look_at_plain(f, fd);
	(void)sys->close(fd);
	return r;
}

/* ---- numbers of records ---- */

/* Drop from a ring what stands in the segments of its writer, whose newest number is `last`. */
static void
trim_ring(const struct planning *p, struct catalog_file *ring, uint64_t last)
{
	struct spool *s = &ring->spool;

	if (last < s->tail_seq)
		last = s->tail_seq;
	spool_drop(s, last);
	if (!s->this_boot && s->head_seq > last)
		qwarn_send(p->warn, AUDITQ_ECORRUPT, true, ring->path, 0, 0,
		    "%llu records were lost when the machine went down",
		    (unsigned long long)(s->head_seq - last));
}

/* A writer's segments come before its ring. */
static void
trim_rings(const struct planning *p, struct sequence *s, size_t n)
{
	struct catalog_file *file = p->plan->catalog.file;
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		bool other = i == 0 || strcmp(s[i].writer, s[i - 1].writer) != 0;

		if (other)
			last = 0;
		if (s[i].number != SEQUENCE_RING) {
			last = s[i].known && s[i].last > last ? s[i].last : last;
			continue;
		}
		trim_ring(p, &file[s[i].file], last);
		/* A living writer moves records to its newest segment under our eyes. */
		if (!other && file[s[i].file].spool.n > 0)
			s[i].shared = s[i - 1].shared = true;
	}
}

/* What was a writer's file before it was compacted. */
static size_t
add_parts(const struct plan_file *f, size_t file, struct sequence *s)
{
	for (size_t i = 0; i < f->nparts; i++)
		s[i] = (struct sequence){ .writer = f->part[i].writer,
			.number = f->part[i].number,
			.file = file,
			.known = true,
			.first = f->part[i].first,
			.last = f->part[i].last };
	return f->nparts;
}

static int
check_sequences(const struct planning *p)
{
	struct plan *plan = p->plan;
	struct sequence *s = calloc(plan->catalog.n + plan->nparts + 1, sizeof *s);
	size_t n = 0;

	if (s == NULL)
		return no_memory(p->err);
	for (size_t i = 0; i < plan->catalog.n; i++) {
		const struct plan_file *f = &plan->file[i];
		bool ring = f->in->kind == CATALOG_RING;
		/* Before it is read, records of its writer's ring may get into it. */
		bool empty = !ring && f->how != PLAN_SKIP && f->in->size == 0;

		n += add_parts(f, i, s + n);
		if (f->in->writer[0] == '\0' || f->compacted ||
		    (!ring && !f->seqs && f->how == PLAN_SKIP))
			continue;
		s[n++] = (struct sequence){ .writer = f->in->writer,
			.number = ring ? SEQUENCE_RING : f->in->number,
			.file = i,
			.known = f->seqs || empty,
			.first = empty ? UINT64_MAX : f->first_seq,
			.last = empty ? 0 : f->last_seq };
	}
	sequence_check(s, n);
	trim_rings(p, s, n);
	for (size_t i = 0; i < n; i++) {
		struct plan_file *f = &plan->file[s[i].file];

		f->shared |= s[i].shared && f->how != PLAN_SKIP;
		plan->shared |= f->shared;
	}
	free(s);
	return 0;
}

/* ---- the plan ---- */

static void
run_piece(struct work *work, unsigned slot)
{
	struct piece *p = (struct piece *)work;
	struct plan *plan = p->planning.plan;

	(void)slot;
	for (size_t i = p->first; i < p->end && p->r == 0; i++)
		p->r = look(&p->planning, &plan->file[i], &plan->catalog.file[i]);
}

static int
finish_piece(struct piece *p, struct workers *workers, const struct planning *all)
{
	workers_wait(workers, &p->work);
	notes_deliver(&p->notes, all->warn);
	add_counts(all->counts, &p->counts);
	if (p->r < 0 && all->err != NULL && all->err->code == 0)
		*all->err = p->err;
	return p->r;
}

/* Some pieces at a time; all that were begun are waited for, since they must not outlive this call. */
static int
look_at_files(const struct planning *all, struct workers *workers)
{
	size_t n = all->plan->catalog.n, next = 0;
	size_t files = n / PIECES < PIECE_FILES ? n / PIECES + 1 : PIECE_FILES;
	struct piece *piece = calloc(PIECES, sizeof *piece);
	int r = 0;

	if (piece == NULL)
		return no_memory(all->err);
	while (next < n && r == 0) {
		size_t begun = 0;

		for (; next < n && begun < PIECES; begun++) {
			struct piece *p = &piece[begun];

			*p = (struct piece){ .work.run = run_piece, .planning = *all };
			p->first = next;
			p->end = next = next + files < n ? next + files : n;
			p->warn = notes_target(&p->notes);
			p->planning.warn = &p->warn;
			p->planning.counts = &p->counts;
			p->planning.err = &p->err;
			workers_add(workers, &p->work);
		}
		for (size_t i = 0; i < begun; i++) {
			int one = finish_piece(&piece[i], workers, all);

			r = r < 0 ? r : one;
		}
	}
	free(piece);
	return r;
}

static int
look_at_all(struct planning *p, struct workers *workers)
{
	unsigned zero;
	int r;

	if ((r = add_schema(p, &schema_default, &zero)) == 0)
		r = look_at_files(p, workers);
	if (r < 0 || (r = plan_replaced(p->plan, p->warn, p->counts, p->err)) < 0)
		return r;
	for (size_t i = 0; i < p->plan->catalog.n; i++)
		p->plan->has_stdin |= p->plan->catalog.file[i].kind == CATALOG_STDIN;
	return check_sequences(p);
}

/* One attempt, by what is asked in all of them. */
static int
make(struct planning p, struct workers *workers, struct plan **ret)
{
	struct plan *plan = calloc(1, sizeof *plan);
	const struct question *q = p.q;
	int r;

	if (plan == NULL)
		return no_memory(p.err);
	p.plan = plan;
	r = catalog_list(&plan->catalog, (const char *const *)q->path.p, q->path.n, q->after,
	    q->before, p.warn, p.err);
	if (r == 0 && (plan->file = calloc(plan->catalog.n + 1, sizeof *plan->file)) == NULL)
		r = no_memory(p.err);
	if (r == 0)
		r = look_at_all(&p, workers);
	if (r < 0) {
		plan_free(plan);
		return r;
	}
	*ret = plan;
	return 0;
}

/* ---- files that go while they are listed ---- */

/* Warnings of one attempt after another, each sent once. */
struct attempts {
	const struct qwarn *to;
	struct notes_sent sent, missed;
	bool again; /* something was listed and then gone, for the first time */
	bool last;
};

/* What is gone may have been retired, or its lines stand in another file now: the next listing has it.
 * What is missed each time is told. */
static void
on_warning(void *arg, const auditq_warning *w)
{
	struct attempts *a = arg;

	if (w->code == AUDITQ_ENOENT && !w->lost && !a->last && !notes_known(&a->missed, w)) {
		notes_remember(&a->missed, w);
		a->again = true;
		return;
	}
	if (notes_known(&a->sent, w))
		return;
	notes_remember(&a->sent, w);
	if (a->to->fn != NULL)
		a->to->fn(a->to->arg, w);
}

int
plan_new(struct plan **ret, const struct question *q, const struct match_query *query,
    bool counting, struct workers *workers, const struct qwarn *warn, auditq_counts *counts,
    auditq_error *err)
{
	struct attempts a = { .to = warn };
	const struct qwarn once = { on_warning, &a };
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	auditq_counts own;
	struct planning p = { .q = q,
		.lock = &lock,
		.query = query,
		.counting = counting,
		.warn = &once,
		.counts = &own,
		.err = err };
	struct plan *plan = NULL;
	int r;

	for (int left = ATTEMPTS; left > 0; left--) {
		plan_free(plan);
		plan = NULL;
		own = (auditq_counts){ 0 };
		a.again = false;
		a.last = left == 1;
		if ((r = make(p, workers, &plan)) < 0)
			return r;
		if (!a.again)
			break;
	}
	add_counts(counts, &own);
	counts->partitions = plan->catalog.partitions;
	counts->partitions_pruned = plan->catalog.partitions_pruned;
	counts->files = plan->catalog.listed;
	counts->files_by_date = plan->catalog.pruned;
	counts->bytes_total = plan->catalog.bytes;
	*ret = plan;
	return 0;
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; p->file != NULL && i < p->catalog.n; i++) {
		free(p->file[i].member);
		free(p->file[i].part);
	}
	catalog_release(&p->catalog);
	free(p->file);
	free(p->schema);
	free(p);
}
