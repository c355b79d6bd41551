#include "zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"
#include "zone_names.h"
#include "zone_rule.h"

#define DIRECTORY  "/usr/share/zoneinfo"
#define LOCALTIME  "/etc/localtime"
#define FILE_MAX   ((size_t)256 << 10) /* the largest there is has 4 KiB */
#define NAME_LIMIT 100
#define DAY        86400
#define OFFSET_MAX (26 * 3600) /* RFC 9636, 3.2: less than that */

struct zone {
	int32_t first; /* the offset before all changes */
	size_t n;
	int64_t *at;     /* instants of changes, ascending */
	int32_t *offset; /* from each on */
	bool has_rule;   /* for what comes after them */
	struct zone_rule rule;
};

/* ---- files ----------------------------------------------------------------------------- */

/* Sticky: after too few bytes all further ones are zero. */
struct reader {
	const uint8_t *p;
	size_t left;
	bool failed;
};

static const uint8_t *
take(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->failed || n > r->left) {
		r->failed = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

static uint32_t
get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
get_instant(const uint8_t *p, size_t size)
{
	if (size == 4)
		return (int32_t)get_be32(p);
	return (int64_t)((uint64_t)get_be32(p) << 32 | get_be32(p + 4));
}

/* The counts of a header, in their order. */
enum { UT, STD, LEAP, TIMES, TYPES, CHARS, COUNTS };

static bool
get_header(struct reader *r, uint8_t *version, uint32_t count[COUNTS])
{
	const uint8_t *p = take(r, 44);

	if (p == NULL || memcmp(p, "TZif", 4) != 0)
		return false;
	*version = p[4];
	for (size_t i = 0; i < COUNTS; i++)
		count[i] = get_be32(p + 20 + 4 * i);
	/* No product of these overflows, and no file has as many. */
	for (size_t i = 0; i < COUNTS; i++)
		if (count[i] > FILE_MAX)
			return false;
	return true;
}

/* size: of its instants. */
static size_t
block_bytes(const uint32_t count[COUNTS], size_t size)
{
	return count[TIMES] * (size + 1) + count[TYPES] * (size_t)6 + count[CHARS] +
	    count[LEAP] * (size + 4) + count[STD] + count[UT];
}

static bool
get_offset(const uint8_t *types, size_t i, int32_t *out)
{
	*out = (int32_t)get_be32(types + 6 * i);
	return *out > -OFFSET_MAX && *out < OFFSET_MAX;
}

/* The changes of a block; NULL, or what is wrong with it. */
static const char *
get_block(struct zone *z, const uint8_t *p, const uint32_t count[COUNTS], size_t size)
{
	const uint8_t *index = p + count[TIMES] * size, *types = index + count[TIMES];

	if (count[LEAP] > 0)
		return "counts leap seconds";
	if (count[TYPES] == 0 || !get_offset(types, 0, &z->first))
		return "has no offset";
	z->at = calloc((size_t)count[TIMES] + 1, sizeof *z->at);
	z->offset = calloc((size_t)count[TIMES] + 1, sizeof *z->offset);
	if (z->at == NULL || z->offset == NULL)
		return "";
	for (; z->n < count[TIMES]; z->n++) {
		z->at[z->n] = get_instant(p + z->n * size, size);
		if (z->n > 0 && z->at[z->n] <= z->at[z->n - 1])
			return "has changes in disorder";
		if (index[z->n] >= count[TYPES] ||
		    !get_offset(types, index[z->n], &z->offset[z->n]))
			return "has an offset that is none";
	}
	return NULL;
}

/* Between two line feeds; nothing: no rule. */
static const char *
get_footer(struct zone *z, struct reader *r)
{
	const uint8_t *feed = take(r, 1), *end;
	size_t n;

	if (feed == NULL || *feed != '\n' || (end = memchr(r->p, '\n', r->left)) == NULL)
		return "ends too early";
	n = (size_t)(end - r->p);
	z->has_rule = n > 0;
	if (n > 0 && zone_rule_parse((const char *)r->p, n, &z->rule) < 0)
		return "ends with a rule that is none";
	return NULL;
}

/* NULL, or what is wrong; "": no memory. */
static const char *
get_zone(struct zone *z, struct reader *r)
{
	uint32_t count[COUNTS];
	uint8_t version;
	size_t size = 4;
	const uint8_t *block;
	const char *why;

	if (!get_header(r, &version, count))
		return "is no time zone file";
	block = take(r, block_bytes(count, size));
	if (version >= '2') { /* what came is for those who know the first version only */
		size = 8;
		if (!get_header(r, &version, count))
			return "ends too early";
		block = take(r, block_bytes(count, size));
	}
	if (block == NULL)
		return "ends too early";
	if ((why = get_block(z, block, count, size)) != NULL)
		return why;
	return size == 8 ? get_footer(z, r) : NULL;
}

int
zone_read(struct zone **ret, const uint8_t *data, size_t n, const char *path, auditq_error *err)
{
	struct reader r = { .p = data, .left = n };
	struct zone *z = calloc(1, sizeof *z);
	const char *why = z == NULL ? "" : get_zone(z, &r);

	if (why == NULL) {
		*ret = z;
		return 0;
	}
	zone_free(z);
	if (*why == '\0')
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "time zone");
	return qerror_set(err, AUDITQ_ECORRUPT, 0, path, "the time zone's file %s", why);
}

void
zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->at);
	free(z->offset);
	free(z);
}

/* 0; 1: there is no such file; negative. */
static int
open_file(struct zone **ret, const char *path, auditq_error *err)
{
	uint8_t *data;
	ssize_t n;
	int fd, r;

	fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	if (fd < 0)
		return qerror_set(
		    err, AUDITQ_EIO, errno, path, "cannot open the time zone's file");
	if ((data = malloc(FILE_MAX)) == NULL) {
		(void)sys->close(fd);
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "time zone");
	}
	n = sys_pread_all(fd, data, FILE_MAX, 0);
	r = n < 0 ? qerror_set(err, AUDITQ_EIO, errno, path, "cannot read the time zone's file")
		  : zone_read(ret, data, (size_t)n, path, err);
	free(data);
	(void)sys->close(fd);
	return r;
}

/* ---- names ----------------------------------------------------------------------------- */

/* A path below the directory, and nowhere else. */
static bool
is_name(const char *s)
{
	const size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			(s[i] >= '0' && s[i] <= '9') || strchr("_+-/", s[i]) != NULL))
			return false;
	return n > 0 && n < NAME_LIMIT && s[0] != '/' && s[n - 1] != '/';
}

/* "+hh", "+hhmm" or "+hh:mm", east. */
static bool
parse_offset(const char *s, int32_t *out)
{
	const size_t n = strlen(s), colon = n == 6 && s[3] == ':';
	int digit[4] = { 0 };

	if ((s[0] != '+' && s[0] != '-') || (n != 3 && n != 5 + colon))
		return false;
	for (size_t i = 1, k = 0; i < n; i++) {
		if (colon && i == 3)
			continue;
		if (s[i] < '0' || s[i] > '9')
			return false;
		digit[k++] = s[i] - '0';
	}
	*out = (digit[0] * 10 + digit[1]) * 3600 + (digit[2] * 10 + digit[3]) * 60;
	if (*out >= DAY || digit[2] > 5)
		return false;
	*out = s[0] == '-' ? -*out : *out;
	return true;
}

/* A zone that is said, not looked up; 0, 1: it is none, negative. */
static int
open_said(struct zone **ret, const char *name, auditq_error *err)
{
	struct zone_rule rule = { .standard = 0 };
	struct zone *z;

	if (!parse_offset(name, &rule.standard) &&
	    zone_rule_parse(name, strlen(name), &rule) < 0)
		return 1;
	if ((z = calloc(1, sizeof *z)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "time zone");
	z->has_rule = true;
	z->rule = rule;
	*ret = z;
	return 0;
}

/* 0, 1: there is none, negative. */
static int
open_named(struct zone **ret, const char *name, auditq_error *err)
{
	char path[sizeof DIRECTORY + NAME_LIMIT + 1];
	int r = 1;

	if (strcmp(name, "UTC") == 0 || strcmp(name, "utc") == 0 || strcmp(name, "Z") == 0) {
		*ret = NULL;
		return 0;
	}
	if (is_name(name)) {
		(void)snprintf(path, sizeof path, "%s/%s", DIRECTORY, name);
		r = open_file(ret, path, err);
	}
	return r == 1 ? open_said(ret, name, err) : r;
}

/* As tzset(3) understands $TZ. */
static int
open_local(struct zone **ret, auditq_error *err)
{
	const char *tz = getenv("TZ");
	int r;

	if (tz != NULL && *tz == ':')
		tz++;
	if (tz == NULL)
		r = open_file(ret, LOCALTIME, err);
	else if (*tz == '/')
		r = open_file(ret, tz, err);
	else
		r = open_named(ret, *tz == '\0' ? "UTC" : tz, err);
	if (r == 1 && tz != NULL)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "$TZ: no time zone '%.80s'", tz);
	if (r == 1) /* a machine that was not told */
		*ret = NULL;
	return r < 0 ? r : 0;
}

int
zone_open(struct zone **ret, const char *name, auditq_error *err)
{
	struct nearest near;
	int r;

	qerror_reset(err);
	if (strcmp(name, "local") == 0)
		return open_local(ret, err);
	if ((r = open_named(ret, name, err)) != 1)
		return r;
	zone_names_nearest(&near, name);
	if (near.name[0] != '\0')
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "no time zone '%.80s'; did you mean %s?", name, near.name);
	return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
	    "no time zone '%.80s': a name such as Europe/Berlin, an offset such as +02:00, UTC or local",
	    name);
}

/* ---- instants -------------------------------------------------------------------------- */

/* Changes up to and including an instant. */
static size_t
changes_until(const struct zone *z, int64_t second)
{
	size_t lo = 0, hi = z->n;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= second)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int32_t
zone_offset(const struct zone *z, int64_t second)
{
	size_t n;

	if (z == NULL)
		return 0;
	n = changes_until(z, second);
	if (n == z->n && z->has_rule)
		return zone_rule_offset(&z->rule, second);
	return n == 0 ? z->first : z->offset[n - 1];
}

/* The first change after an instant, or INT64_MAX. */
static int64_t
next_change(const struct zone *z, int64_t second)
{
	const size_t n = changes_until(z, second);

	if (n < z->n)
		return z->at[n];
	return z->has_rule ? zone_rule_next(&z->rule, second) : INT64_MAX;
}

/* Go through the stretches of one offset, from before any in which the local time can be.  Where none has it, it is
 * in the gap between two: *gap is the change, and the answer goes by the offset until then. */
static int64_t
find(const struct zone *z, int64_t local, int64_t *gap)
{
	int64_t from = INT64_MIN, at = local - OFFSET_MAX, before = at;

	for (;;) {
		const int64_t end = next_change(z, at), second = local - zone_offset(z, at);

		if (second < from) {
			*gap = from;
			return before;
		}
		if (second < end) {
			*gap = second;
			return second;
		}
		before = second;
		from = at = end;
	}
}

int64_t
zone_second(const struct zone *z, int64_t local)
{
	int64_t gap;

	return z == NULL ? local : find(z, local, &gap);
}

int64_t
zone_day(const struct zone *z, int64_t day)
{
	int64_t first = day * DAY;

	if (z != NULL)
		(void)find(z, first, &first);
	return first;
}
