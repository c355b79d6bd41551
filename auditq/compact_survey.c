/* compact_survey - which files may be merged. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "index.h"
#include "resume.h"
#include "schema_text.h"
#include "sequence.h"
#include "sys.h"

struct choosing {
	struct compact_survey *out;
	const struct segment_root *root;
	const int32_t *day;
	uint64_t small;
	const struct qwarn *warn;
	auditq_error *err;
	struct inventory before; /* listed before the rings were */
	struct sys_names rings;
	struct inventory now; /* and after */
	size_t cap;
};

static int
no_memory(const struct choosing *c)
{
	return qerror_set(c->err, AUDITQ_ENOMEM, ENOMEM, c->root->path, "compact");
}

/* ---- what there is ---- */

static int
list_rings(struct choosing *c)
{
	const int fd = sys_opendir_at(c->root->fd, PATH_RING_DIR);
	int r = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || sys_list(fd, &c->rings) < 0)
		r = qerror_set(
		    c->err, AUDITQ_EIO, errno, c->root->path, "cannot list %s", PATH_RING_DIR);
	if (fd >= 0)
		(void)sys->close(fd);
	return r;
}

/* A writer has its ring from before its first segment until its last one is finished.  So one that had
 * segments and then no ring makes no more of them, and the second inventory has them all. */
static int
list(struct choosing *c)
{
	alog_error from = { 0 };
	int r;

	if (inventory_list(&c->before, c->root, NULL, NULL, &from) < 0)
		return qerror_from(c->err, &from);
	if ((r = list_rings(c)) < 0)
		return r;
	if (inventory_list(&c->now, c->root, NULL, NULL, &from) < 0)
		return qerror_from(c->err, &from);
	return 0;
}

static int
by_writer(const void *key, const void *item)
{
	return strcmp(key, ((const struct inventory_item *)item)->id.writer);
}

static int
by_name(const void *key, const void *name)
{
	return strcmp(key, *(char *const *)name);
}

static bool
listed_before(const struct choosing *c, const char *writer)
{
	return c->before.n > 0 &&
	    bsearch(writer, c->before.item, c->before.n, sizeof *c->before.item, by_writer) !=
	    NULL;
}

static bool
has_ring(const struct choosing *c, const char *writer)
{
	char name[PATH_NAME_MAX];

	path_ring(name, writer);
	return c->rings.n > 0 &&
	    bsearch(name, c->rings.name, c->rings.n, sizeof(char *), by_name) != NULL;
}

/* ---- one writer's files ---- */

static bool
wanted(const struct choosing *c, const struct inventory_item *item)
{
	return item->id.kind == PATH_SEALED && item->bytes < c->small &&
	    (c->day == NULL || item->day == *c->day);
}

/* Whether the lines can stand behind those of other files and mean the same: none takes its time from the line
 * before, and all are known by their numbers. */
static bool
suits(const struct choosing *c, const struct format_footer *f)
{
	struct schema schema;

	return f->payload_bytes < c->small && f->unreadable == 0 && f->untimed == 0 &&
	    f->seqs && schema_parse(f->schema, f->schema_bytes, &schema) == 0 &&
	    schema_equal(&schema, &schema_default);
}

/* How many files a compacted archive stands for.  1; 0: it is gone, or damaged, which was said; negative. */
static int
count_replaced(const struct choosing *c, struct compact_file *f)
{
	const int dirfd = segment_open_partition(c->root, f->day);
	const int fd =
	    dirfd < 0 ? -1 : sys->openat(dirfd, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	struct index *ix = NULL;
	auditq_error why = { 0 };
	int r = 0;

	if (fd >= 0)
		r = index_load(&ix, fd, f->stored, f->name, INDEX_REPLACED, &why);
	else if (errno != ENOENT)
		r = qerror_set(&why, AUDITQ_EIO, errno, f->name, "cannot open");
	if (ix != NULL) {
		f->replaces = index_replaced(ix);
		r = 1;
	} else if (r == AUDITQ_ECORRUPT || r == AUDITQ_EVERSION) {
		qwarn_send(
		    c->warn, r, true, f->name, 0, why.offset, "left as it is: %s", why.text);
		r = 0;
	} else if (r < 0 && c->err != NULL) {
		*c->err = why;
	}
	index_free(ix);
	if (fd >= 0)
		(void)sys->close(fd);
	if (dirfd >= 0)
		(void)sys->close(dirfd);
	return r;
}

static int
add(struct choosing *c, const struct inventory_item *item, const struct format_footer *footer)
{
	struct compact_survey *s = c->out;
	struct compact_file *f;
	int r;

	if (s->n == c->cap) {
		const size_t cap = c->cap == 0 ? 64 : 2 * c->cap;

		if ((f = realloc(s->file, cap * sizeof *f)) == NULL)
			return no_memory(c);
		s->file = f;
		c->cap = cap;
	}
	f = &s->file[s->n];
	*f = (struct compact_file){ .day = item->day,
		.stored = item->bytes,
		.payload = footer->payload_bytes,
		.lines = footer->lines,
		.first_seq = footer->first_seq,
		.last_seq = footer->last_seq,
		.min_ts = footer->min_ts,
		.compacted = footer->compacted };
	memcpy(f->name, item->name, sizeof f->name);
	memcpy(f->service, item->id.service, sizeof f->service);
	memcpy(f->whole, footer->whole, sizeof f->whole);
	memcpy(f->previous, footer->previous, sizeof f->previous);
	if (f->compacted && (r = count_replaced(c, f)) <= 0)
		return r;
	s->n++;
	return 0;
}

/* Of n files of one writer, read what their footers say.  What cannot be read is not known. */
static int
read_footers(struct choosing *c, const struct inventory_item *item, size_t n,
    struct sequence *s, struct format_footer *footer)
{
	for (size_t i = 0; i < n; i++) {
		alog_error why = { 0 };
		auditq_error as = { 0 };

		s[i] = (struct sequence){ item[i].id.writer, item[i].id.number, i, false, 0, 0,
			false };
		if (item[i].id.kind == PATH_PLAIN) {
			c->out->plain++;
			continue;
		}
		if (resume_footer(c->root, &item[i], &footer[i], &why) == 0) {
			s[i].known = footer[i].seqs;
			s[i].first = footer[i].first_seq;
			s[i].last = footer[i].last_seq;
			continue;
		}
		footer[i].seqs = false;
		if (why.code == ALOG_ENOMEM)
			return no_memory(c);
		if (why.os_errno != ENOENT)
			qwarn_send(c->warn, qerror_from(&as, &why), true, item[i].name, 0, 0,
			    "left as it is: %s", as.text);
	}
	return 0;
}

/* Records that are in two files of their writer are told by it and their number: such files keep their names. */
static int
choose(struct choosing *c, const struct inventory_item *item, size_t n)
{
	struct sequence *s = calloc(n, sizeof *s);
	struct format_footer *footer = calloc(n, sizeof *footer);
	int r = s == NULL || footer == NULL ? no_memory(c) : 0;

	if (r == 0 && (r = read_footers(c, item, n, s, footer)) == 0) {
		sequence_check(s, n);
		for (size_t i = 0; i < n && r == 0; i++) {
			const size_t k = s[i].file;

			c->out->sealed += item[k].id.kind == PATH_SEALED;
			if (!s[i].shared && wanted(c, &item[k]) && suits(c, &footer[k]))
				r = add(c, &item[k], &footer[k]);
		}
	}
	free(footer);
	free(s);
	return r;
}

static int
choose_all(struct choosing *c)
{
	const struct inventory_item *item = c->now.item;
	size_t end;
	int r = 0;

	for (size_t i = 0; i < c->now.n && r == 0; i = end) {
		bool any = false;

		for (end = i;
		     end < c->now.n && strcmp(item[end].id.writer, item[i].id.writer) == 0;
		     end++)
			any = any || wanted(c, &item[end]) || item[end].id.kind == PATH_PLAIN;
		if (!any || item[i].id.packed || !listed_before(c, item[i].id.writer))
			continue;
		if (has_ring(c, item[i].id.writer))
			c->out->alive++;
		else
			r = choose(c, item + i, end - i);
	}
	return r;
}

/* ---- their order ---- */

static int
in_order(const void *x, const void *y)
{
	const struct compact_file *a = x, *b = y;
	int c;

	if (a->day != b->day)
		return a->day < b->day ? -1 : 1;
	if ((c = strcmp(a->service, b->service)) != 0)
		return c;
	if (a->min_ts != b->min_ts)
		return a->min_ts < b->min_ts ? -1 : 1;
	return strcmp(a->name, b->name);
}

int
compact_survey(struct compact_survey *out, const struct segment_root *root, const int32_t *day,
    uint64_t small, const struct qwarn *warn, auditq_error *err)
{
	struct choosing c = {
		.out = out, .root = root, .day = day, .small = small, .warn = warn, .err = err
	};
	int r;

	*out = (struct compact_survey){ 0 };
	if ((r = list(&c)) == 0)
		r = choose_all(&c);
	inventory_free(&c.before);
	inventory_free(&c.now);
	sys_names_free(&c.rings);
	if (r < 0) {
		compact_survey_release(out);
		return r;
	}
	if (out->n > 0)
		qsort(out->file, out->n, sizeof *out->file, in_order);
	return 0;
}

void
compact_survey_release(struct compact_survey *s)
{
	free(s->file);
	*s = (struct compact_survey){ 0 };
}
