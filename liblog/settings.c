#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "ring.h"

#define KIB      (UINT64_C(1) << 10)
#define MIB      (UINT64_C(1) << 20)

#define HOST_MAX 255 /* bytes: the longest DNS name */

/* One row a number: its place in both structs, its default, its bounds. */
struct number {
	const char *name;
	size_t from, to;
	bool wide; /* uint64_t, else uint32_t */
	uint64_t fallback, min, max;
};
#define AT(name) #name, offsetof(alog_options, name), offsetof(struct settings, name)

static const struct number numbers[] = {
	{ AT(segment_bytes), true, 64 * MIB, 4 * KIB, FORMAT_PLAIN_MAX },
	{ AT(ring_bytes), true, 8 * MIB, RING_BYTES_MIN, RING_BYTES_MAX },
	{ AT(seal_bytes), true, 1 * MIB, 1, UINT64_MAX },
	/* The least holds any envelope, and as much again of bound fields. */
	{ AT(record_bytes), false, 1 * MIB, 8 * KIB, 8 * MIB },
	{ AT(block_ms), false, 5000, 1, UINT32_MAX },
	{ AT(written_ms), false, 100, 1, 60000 },
	{ AT(fdatasync_ms), false, 1000, 1, UINT32_MAX },
	{ AT(close_ms), false, 10000, 1, UINT32_MAX },
	{ AT(keep_days), false, 0, 0, UINT32_MAX },
	{ AT(keep_segments), false, 0, 0, UINT32_MAX },
	{ AT(keep_bytes), true, 0, 0, UINT64_MAX },
};

static int
take_numbers(struct settings *out, const alog_options *opt, alog_error *err)
{
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		const struct number *n = &numbers[i];
		const char *from = (const char *)opt + n->from;
		char *to = (char *)out + n->to;
		uint64_t v = n->wide ? *(const uint64_t *)(const void *)from
				     : *(const uint32_t *)(const void *)from;

		if (v == 0)
			v = n->fallback;
		if (v < n->min || v > n->max)
			return error_set(err, ALOG_EINVAL, 0, NULL,
			    "option %s: %llu is not within %llu and %llu", n->name,
			    (unsigned long long)v, (unsigned long long)n->min,
			    (unsigned long long)n->max);
		if (n->wide)
			*(uint64_t *)(void *)to = v;
		else
			*(uint32_t *)(void *)to = (uint32_t)v;
	}
	if (opt->record_bytes == 0 && out->record_bytes > out->ring_bytes / 4)
		out->record_bytes = (uint32_t)(out->ring_bytes / 4);
	if (out->record_bytes > out->ring_bytes / 4)
		return error_set(err, ALOG_EINVAL, 0, NULL,
		    "option record_bytes: more than a quarter of ring_bytes");
	return 0;
}

static int
take_level(struct settings *out, const alog_options *opt, alog_error *err)
{
	/* Whoever starts a program that has more rights than he has does not silence it. */
	const char *env = secure_getenv("ALOG_LEVEL");

	out->level = opt->level != ALOG_LEVEL_DEFAULT ? opt->level : ALOG_LEVEL_INFO;
	if (out->level < ALOG_LEVEL_TRACE || out->level > ALOG_LEVEL_OFF)
		return error_set(
		    err, ALOG_EINVAL, 0, NULL, "option level: %d is none", opt->level);
	if (env == NULL || env[0] == '\0')
		return 0;
	if ((out->level = alog_level_parse(env)) < 0)
		return error_set(err, ALOG_EINVAL, 0, NULL,
		    "environment variable ALOG_LEVEL: '%s' is no level", env);
	return 0;
}

/* The program may change its directory before a child, or the writer, opens the path anew. */
static char *
absolute(const char *path)
{
	char *cwd, *to = NULL;

	if (path[0] == '/')
		return strdup(path);
	if ((cwd = getcwd(NULL, 0)) == NULL)
		return NULL;
	if (asprintf(&to, "%s/%s", cwd, path) < 0)
		to = NULL;
	free(cwd);
	return to;
}

static int
take_text(struct settings *out, const alog_options *opt, alog_error *err)
{
	char host[256];

	if (opt->root == NULL || opt->root[0] == '\0')
		return error_set(err, ALOG_EINVAL, 0, NULL, "option root is missing");
	if (opt->service == NULL || !path_service_valid(opt->service))
		return error_set(err, ALOG_EINVAL, 0, NULL,
		    "option service must be 1 to %d of A-Z a-z 0-9 _ -", PATH_SERVICE_MAX);
	if (opt->ring_dir != NULL && opt->ring_dir[0] == '\0')
		return error_set(err, ALOG_EINVAL, 0, NULL, "option ring_dir is empty");
	if (opt->host != NULL && strnlen(opt->host, HOST_MAX + 1) > HOST_MAX)
		return error_set(
		    err, ALOG_EINVAL, 0, NULL, "option host is longer than %d bytes", HOST_MAX);
	if (opt->host == NULL && gethostname(host, sizeof host) < 0)
		return error_set(err, ALOG_EIO, errno, NULL, "gethostname");
	host[sizeof host - 1] = '\0';
	if ((out->root = absolute(opt->root)) == NULL ||
	    (out->service = strdup(opt->service)) == NULL ||
	    (out->host = strdup(opt->host != NULL ? opt->host : host)) == NULL ||
	    (opt->ring_dir != NULL && (out->ring_dir = absolute(opt->ring_dir)) == NULL))
		return error_set(err, ALOG_ENOMEM, errno, NULL, "options");
	return 0;
}

/* A decimal number that was meant to be octal is told here, not by files that nobody can read. */
static int
take_modes(struct settings *out, const alog_options *opt, alog_error *err)
{
	const mode_t owner_file = S_IRUSR | S_IWUSR, owner_dir = S_IRWXU, all = 07777;

	out->file_mode = opt->file_mode != 0 ? opt->file_mode : 0640;
	out->dir_mode = opt->dir_mode != 0 ? opt->dir_mode : 0750;
	if ((out->file_mode & owner_file) != owner_file || (out->file_mode & ~all) != 0)
		return error_set(err, ALOG_EINVAL, 0, NULL,
		    "option file_mode: 0%o is no mode that lets the owner read and write",
		    (unsigned)out->file_mode);
	if ((out->dir_mode & owner_dir) != owner_dir || (out->dir_mode & ~all) != 0)
		return error_set(err, ALOG_EINVAL, 0, NULL,
		    "option dir_mode: 0%o is no mode that lets the owner read, write and search",
		    (unsigned)out->dir_mode);
	return 0;
}

static int
take_rest(struct settings *out, const alog_options *opt, alog_error *err)
{
	const unsigned known =
	    ALOG_SOURCE | ALOG_THREAD | ALOG_MIRROR | ALOG_NO_SEAL | ALOG_NO_RECOVER;

	if ((opt->flags & ~known) != 0)
		return error_set(err, ALOG_EINVAL, 0, NULL, "option flags: unknown 0x%x",
		    opt->flags & ~known);
	if (opt->overflow < ALOG_BLOCK || opt->overflow > ALOG_FAIL)
		return error_set(
		    err, ALOG_EINVAL, 0, NULL, "option overflow: %d is none", opt->overflow);
	if (opt->gzip_level < 0 || opt->gzip_level > 12)
		return error_set(err, ALOG_EINVAL, 0, NULL,
		    "option gzip_level: %d is not within 1 and 12", opt->gzip_level);
	if (opt->nredact > 0 && opt->redact == NULL)
		return error_set(err, ALOG_EINVAL, 0, NULL, "option redact is missing");
	out->flags = opt->flags;
	out->overflow = opt->overflow;
	out->gzip_level = opt->gzip_level > 0 ? opt->gzip_level : 6;
	out->clock = opt->clock;
	out->clock_arg = opt->clock_arg;
	return redact_new(&out->redact, opt->redact, opt->nredact, err);
}

int
settings_init(struct settings *out, const alog_options *given, alog_error *err)
{
	alog_options opt = { 0 };
	struct settings s = { 0 };
	int rc;

	if (given == NULL || given->size == 0)
		return error_set(
		    err, ALOG_EINVAL, 0, NULL, "options are missing, or their size is not set");
	/* A caller built against an older header has fewer members, a newer one more. */
	memcpy(&opt, given, given->size < sizeof opt ? given->size : sizeof opt);
	if ((rc = take_text(&s, &opt, err)) < 0 || (rc = take_level(&s, &opt, err)) < 0 ||
	    (rc = take_numbers(&s, &opt, err)) < 0 || (rc = take_modes(&s, &opt, err)) < 0 ||
	    (rc = take_rest(&s, &opt, err)) < 0) {
		settings_destroy(&s);
		return rc;
	}
	*out = s;
	return 0;
}

void
settings_destroy(struct settings *s)
{
	free(s->root);
	free(s->service);
	free(s->host);
	free(s->ring_dir);
	redact_free(s->redact);
	memset(s, 0, sizeof *s);
}

int64_t
settings_now(const struct settings *s)
{
	int64_t now = 0;

	if (s->clock != NULL)
		return s->clock(s->clock_arg);
	(void)sys->realtime(&now);
	return now;
}

int64_t
settings_ticks(const struct settings *s)
{
	int64_t now = 0;

	if (s->clock != NULL)
		return s->clock(s->clock_arg);
	(void)sys->monotonic(&now);
	return now;
}
