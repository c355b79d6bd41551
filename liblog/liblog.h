/*
 * liblog - audit logging for C services.
 *
 * A logger writes one JSON object per line below a root directory:
 *
 *     <root>/date=2025-10-23/<service>.<writer>.000001.jsonl      being written
 *     <root>/date=2025-10-23/<service>.<writer>.000001.jsonl.gz   sealed: gzip, with an index
 *
 * Any number of processes may share a root. auditq(1) and libauditq read it.
 *
 * What a call promises when it has returned 0, and what that costs (`make bench-emit` measures it where
 * you are; docs/benchmarks.md has figures):
 *
 *   accepted  ALOG_INFO and its kin.  The record is in a memory-mapped file: it survives
 *             the death of the process by any signal, not the loss of power.  About a
 *             tenth of a microsecond, no system call; microseconds when the caches are cold.
 *   written   at most written_ms later the record is in its segment file.  Nothing more to
 *             the caller; the background thread spends about as much again.
 *   durable   ALOG_AUDIT, alog_sync.  The record is on stable storage (fdatasync of the
 *             segment, fsync of the directories above it).  A wait for the disk, a thousand
 *             times an accepted one or more; all who wait at the same time share it.
 *
 * Threads: every function may be called from any thread, on any handle, at any time, except
 * that a handle must not be used again after the call that frees it (alog_free, _end,
 * alog_close).  None may be called from a signal handler.  After fork the child may go on
 * using every handle; it becomes a writer of its own at its first record.
 *
 * Errors: functions that return int return 0 or a negative ALOG_E... code.  An alog_error
 * belongs to the caller, may be NULL, and is written only on failure.  The library
 * never prints (but see ALOG_MIRROR), never exits, and installs no signal handler.
 *
 * Memory: strings and fields passed in are borrowed for the duration of the call.  A logging
 * call allocates nothing, but for a record over 4 KiB, or a text of alog_printf over 1 KiB: then
 * it takes a buffer until it returns.  Without memory for that the record is refused with
 * ALOG_ENOMEM, the text cut.
 */
#ifndef LIBLOG_H
#define LIBLOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ALOG_VERSION "0.1.0"

#if defined(__GNUC__)
#define ALOG_PRINTF_(f, a) __attribute__((format(printf, f, a)))
#define ALOG_API           __attribute__((visibility("default")))
#else
#define ALOG_PRINTF_(f, a)
#define ALOG_API
#endif

/* A context: a logger, a run, a stage, or any of these with bound fields. */
typedef struct alog_context alog_t;

struct json_t; /* jansson's; <jansson.h> is needed only by those who pass one */

/* ---- errors ---------------------------------------------------------------------------- */

enum alog_code {
	ALOG_EINVAL = -1,        /* an argument or option is wrong; text names it */
	ALOG_ENOMEM = -2,        /* out of memory */
	ALOG_EIO = -3,           /* the operating system refused; os_errno and path say what */
	ALOG_ECLOSED = -4,       /* the logger was closed */
	ALOG_EDISABLED = -5,     /* logging is off, and the call cannot do without it */
	ALOG_EDROPPED = -6,      /* the ring was full: the record was dropped and counted */
	ALOG_ETIMEOUT = -7,      /* not finished in time; it may still happen */
	ALOG_ECLASH = -8,        /* a bound field has the name of an envelope key */
	ALOG_ETOOBIG = -9,       /* larger than a limit */
	ALOG_EVERSION = -10,     /* a file of a newer, incompatible format */
	ALOG_ECORRUPT = -11,     /* a file is damaged */
	ALOG_EJSON = -12,        /* not valid JSON */
	ALOG_EREGEX = -13,       /* a pattern does not compile, or exceeded its match limit */
	ALOG_EBUSY = -14,        /* in use by a living writer */
	ALOG_EUNSUPPORTED = -15, /* the file system cannot hold a ring; see ring_dir */
	ALOG_EFORMAT = -16,      /* a printf format failed */
};

/* Details of a failure.  The layout is frozen. */
typedef struct alog_error {
	int32_t code;     /* an ALOG_E... code */
	int32_t os_errno; /* errno, or 0 */
	uint64_t offset;  /* byte offset the error is about, or 0 */
	char path[240];   /* file it is about, or "" */
	char text[256];   /* one line for people, without a newline */
} alog_error;

/* The name of a code, such as "ALOG_EINVAL"; "ALOG_E?" for any other number. */
ALOG_API const char *alog_code_name(int code);

/* ---- levels ---------------------------------------------------------------------------- */

enum alog_level {
	ALOG_LEVEL_DEFAULT = 0, /* options only: ALOG_LEVEL_INFO */
	ALOG_LEVEL_TRACE = 1,
	ALOG_LEVEL_DEBUG,
	ALOG_LEVEL_INFO,
	ALOG_LEVEL_NOTICE,
	ALOG_LEVEL_WARN,
	ALOG_LEVEL_ERROR,
	ALOG_LEVEL_CRITICAL,
	ALOG_LEVEL_OFF, /* at open: a disabled logger, which creates nothing on disk */
};

/* "trace" ... "critical", "off"; NULL for any other number. */
ALOG_API const char *alog_level_name(int level);
/* The level of a name in any case ("warning", "err", "fatal" are understood too), or
 * ALOG_EINVAL. */
ALOG_API int alog_level_parse(const char *name);

/* ---- fields ---------------------------------------------------------------------------- */

enum alog_type {
	ALOG_TYPE_END = 0, /* ends the list of a macro; ignored */
	ALOG_TYPE_NULL,
	ALOG_TYPE_BOOL,    /* v.i, 0 or not */
	ALOG_TYPE_INT,     /* v.i */
	ALOG_TYPE_UINT,    /* v.u */
	ALOG_TYPE_DOUBLE,  /* v.d; NaN and infinities are written as null */
	ALOG_TYPE_FLOAT,   /* v.d, printed with the digits a float needs */
	ALOG_TYPE_CHAR,    /* v.i: a string of one byte */
	ALOG_TYPE_STRING,  /* v.s up to its NUL; NULL is written as null */
	ALOG_TYPE_BYTES,   /* v.s, n bytes of text; invalid UTF-8 becomes U+FFFD; NULL: null */
	ALOG_TYPE_POINTER, /* v.p: a string "0x..." */
	ALOG_TYPE_JSON,    /* v.j: a jansson value, borrowed; NULL is written as null */
};

/* One key and its value.  The layout is frozen.  Make them with ALOG_KV and friends. */
typedef struct alog_field {
	const char *key; /* UTF-8, not NULL, not empty */
	uint32_t type;   /* an alog_type */
	uint32_t nkey;   /* length of key, or 0: up to its NUL */
	union {
		int64_t i;
		uint64_t u;
		double d;
		const char *s;
		const void *p;
		const struct json_t *j;
	} v;
	size_t n;
} alog_field;

/* ---- a logger -------------------------------------------------------------------------- */

/* What happens to a record when the ring is full. */
enum alog_overflow {
	ALOG_BLOCK = 0, /* wait up to block_ms for room, then drop and count */
	ALOG_DROP,      /* drop at once and count */
	ALOG_FAIL,      /* drop at once, count, and return ALOG_EDROPPED */
};

/* Where standard error is a terminal, ALOG_MIRROR writes what it would obey (DEL, U+0080 to U+009F, marks and overrides
 * of direction) as \uXXXX: the line is the same JSON value. */
enum alog_flags {
	ALOG_SOURCE = 1u << 0,     /* add "file", "line" and "func" of an ALOG_ macro's call */
	ALOG_THREAD = 1u << 1,     /* add "tid", the kernel's thread id */
	ALOG_MIRROR = 1u << 2,     /* also write each line to standard error */
	ALOG_NO_SEAL = 1u << 3,    /* leave segments plain: nothing is compressed */
	ALOG_NO_RECOVER = 1u << 4, /* leave what dead writers left behind alone */
};

/* One redaction rule.  It applies to caller's and bound fields, in nested json_t values too,
 * before the record reaches the ring; never to the envelope, except that a rule with a pattern
 * and no field applies to "msg" as well. */
typedef struct alog_redact {
	const char *field;   /* name of the fields concerned (exact); NULL: every field */
	const char *pattern; /* PCRE2 on string values: the matching part is replaced;
	                      * NULL: the whole value is, whatever its type */
	const char *with;    /* the replacement, literal; NULL: "[redacted]" */
} alog_redact;

/* Options; zero means the default in brackets.  Set size to sizeof(alog_options). */
typedef struct alog_options {
	size_t size;
	const char *root;    /* directory, made when missing (its parent must exist) */
	const char *service; /* [A-Za-z0-9_-], at most 64 */
	const char *host;    /* "host" of the records, at most 255 bytes [gethostname] */
	int level;           /* least level that is logged [ALOG_LEVEL_INFO]; the environment
	                      * variable ALOG_LEVEL, a level's name, overrides it, but not in a
	                      * program with rights that its caller has not (secure_getenv(3)) */
	unsigned flags;      /* alog_flags [0] */

	uint64_t segment_bytes; /* roll when the segment would exceed this [64 MiB, at most
	                         * 256 MiB, at least 4 KiB] */
	uint64_t ring_bytes;    /* [8 MiB]; a power of two from 64 KiB to 1 GiB */
	const char *ring_dir;   /* directory of the ring [<root>/.ring] */
	uint32_t record_bytes;  /* longest record, less the digits of its number; cut beyond
	                         * [1 MiB; at least 8 KiB, at most a quarter of the ring and 8 MiB] */
	int overflow;           /* alog_overflow [ALOG_BLOCK] */
	uint32_t block_ms;      /* [5000] */
	uint32_t written_ms;    /* accepted to written, at most [100] */
	uint32_t fdatasync_ms;  /* written to durable without being asked [1000] */
	uint32_t close_ms;      /* alog_close waits at most this long [10000] */
	uint64_t seal_bytes;    /* close leaves a segment below this size plain, for
	                         * `auditq compact` [1 MiB]; 1 seals every one */
	int gzip_level;         /* 1 to 12, as in libdeflate [6] */

	uint32_t keep_days; /* delete sealed segments whose day is further back [0: never] */
	uint32_t keep_segments; /* keep at most this many sealed segments of this service
	                         * [0: no limit] */
	uint64_t keep_bytes;    /* keep at most this many bytes of them [0: no limit] */

	uint32_t file_mode; /* of segments, before the umask [0640]; 0600 is in it */
	/* Of directories, before the umask [0750]; 0700 is in it.  A root that several users share is setgid to
	 * their group (mode 2770), each of them uses 0770 here and the umask 007; whoever reads is in the group.
	 * What a dead writer left is finished by the next one of the same user. */
	uint32_t dir_mode;

	const alog_redact *redact; /* nredact rules, applied in order; copied */
	size_t nredact;

	/* Called with each error that no caller is there to receive (background writing,
	 * sealing, retention, recovery), from the background thread, and from alog_open when
	 * anybody may write in the root; must not call back into the logger, except
	 * alog_get_stats. */
	void (*on_error)(void *arg, const alog_error *err);
	void *on_error_arg;

	/* Nanoseconds since 1970-01-01T00:00:00Z for the records' ts, the partitions
	 * [CLOCK_REALTIME] and durations [CLOCK_MONOTONIC].  For simulations and tests; called from
	 * every thread that logs, and from the background thread. */
	int64_t (*clock)(void *arg);
	void *clock_arg;
} alog_options;

/*
 * Open a logger.  Makes the root and the ring, so that a root that cannot be written is an
 * error here; a segment is made at the first record.  *ret is set on success only, and
 * is to be closed with alog_close.
 */
ALOG_API int alog_open(alog_t **ret, const alog_options *opt, alog_error *err);

/*
 * Drain, make durable, seal, stop the background thread and free the logger, within close_ms.
 * Contexts below it stay valid and answer ALOG_ECLOSED; free them before or after.  Returns the first error
 * that the logger met in its life, or 0; ALOG_ETIMEOUT leaves the rest to recovery.  Close of
 * NULL is 0.
 */
ALOG_API int alog_close(alog_t *log);

/* Options read from a JSON file and from the environment. */
typedef struct alog_config alog_config;

/*
 * Read options from a JSON object whose keys are the members of alog_options (level by name,
 * flags as the booleans "source", "thread", "mirror", "no_seal" and "no_recover", overflow as
 * "block", "drop" or "fail", modes as octal digits in a string, "0640", redact as an array of objects).  path NULL:
 * no file.  Then the environment is applied: ALOG_ROOT, ALOG_SERVICE, ALOG_RING_DIR (alog_open applies ALOG_LEVEL);
 * but not in a program with rights that its caller has not (secure_getenv(3)).
 * An unknown key or a wrong type is ALOG_EINVAL and named; a syntax error has its line.
 */
ALOG_API int alog_config_load(alog_config **ret, const char *path, alog_error *err);
/* The options, valid until alog_config_free; the caller may change them. */
ALOG_API alog_options *alog_config_options(alog_config *cfg);
ALOG_API void alog_config_free(alog_config *cfg);

/* ---- contexts -------------------------------------------------------------------------- */

enum alog_status {
	ALOG_OK = 0,     /* "status":"ok" */
	ALOG_FAILED = 1, /* "status":"failed" */
};

/*
 * A child of ctx whose records also carry these fields, encoded once.  NULL when ctx is
 * NULL, on an ALOG_ECLASH, or out of memory; alog_bindv says which.
 *
 *     alog_t *req = alog_bind(run, ALOG_KV("tenant", tenant));
 */
#define alog_bind(ctx, ...) ALOG_BIND_(ctx, __VA_ARGS__, ALOG_END_)
ALOG_API int alog_bindv(
    alog_t **ret, alog_t *ctx, const alog_field *fields, size_t n, alog_error *err);

/*
 * Begin a run: a child whose records carry run_id, and a record "event":"run.begin".
 * id NULL makes a new UUIDv7; else at most 128 bytes of it are used as they are.
 *
 *     alog_t *run = alog_run_begin(log, NULL, ALOG_KV("trigger", "cron"));
 */
#define alog_run_begin(ctx, ...) ALOG_RUN_BEGIN_(ctx, __VA_ARGS__, ALOG_END_)
ALOG_API alog_t *alog_run_beginv(
    alog_t *ctx, const char *id, const alog_field *fields, size_t n);
/* "event":"run.end" with "status" and "duration_ms", of a clock that nobody sets, then frees run. */
#define alog_run_end(run, ...) ALOG_RUN_END_(run, __VA_ARGS__, ALOG_END_)
ALOG_API int alog_run_endv(alog_t *run, int status, const alog_field *fields, size_t n);

/* The same for a stage of a run: records carry "stage"; events stage.begin, stage.end. */
#define alog_stage_begin(ctx, ...) ALOG_STAGE_BEGIN_(ctx, __VA_ARGS__, ALOG_END_)
ALOG_API alog_t *alog_stage_beginv(
    alog_t *ctx, const char *stage, const alog_field *fields, size_t n);
#define alog_stage_end(stage, ...) ALOG_STAGE_END_(stage, __VA_ARGS__, ALOG_END_)
ALOG_API int alog_stage_endv(alog_t *stage, int status, const alog_field *fields, size_t n);

/* Free a context other than the logger itself, without a record.  Children live on. */
ALOG_API void alog_free(alog_t *ctx);

/* The run's id, valid as long as ctx; NULL outside a run. */
ALOG_API const char *alog_run_id(const alog_t *ctx);

/* Set the level of ctx and of those below it that never had one set. */
ALOG_API int alog_set_level(alog_t *ctx, int level);
/* The level of ctx; ALOG_LEVEL_OFF for NULL. */
ALOG_API int alog_get_level(const alog_t *ctx);

/* ---- records --------------------------------------------------------------------------- */

/* Where a record comes from; the macros make one per call. */
typedef struct alog_site {
	const char *file;
	const char *func;
	int line;
} alog_site;

/* State of a rate limit, one per call site, zero at first. */
typedef struct alog_limit {
	uint64_t second; /* private */
	uint32_t passed; /* private */
	uint32_t held;   /* private */
} alog_limit;

/*
 * Emit a record.  Nothing is evaluated when the level is off.  A field with the name of an
 * envelope key (ts level run_id seq service host pid stage event status duration_ms msg) gets
 * a trailing "_".  Returns 0 (also when the level is off or ctx is NULL), ALOG_ECLOSED,
 * or ALOG_EDROPPED as the overflow policy says.
 *
 *     ALOG_INFO(stage, "model loaded", ALOG_KV("bytes", size), ALOG_KV("gpu", 0));
 */
#define ALOG_TRACE(ctx, ...)    ALOG_EMIT_(ctx, ALOG_LEVEL_TRACE, __VA_ARGS__, ALOG_END_)
#define ALOG_DEBUG(ctx, ...)    ALOG_EMIT_(ctx, ALOG_LEVEL_DEBUG, __VA_ARGS__, ALOG_END_)
#define ALOG_INFO(ctx, ...)     ALOG_EMIT_(ctx, ALOG_LEVEL_INFO, __VA_ARGS__, ALOG_END_)
#define ALOG_NOTICE(ctx, ...)   ALOG_EMIT_(ctx, ALOG_LEVEL_NOTICE, __VA_ARGS__, ALOG_END_)
#define ALOG_WARN(ctx, ...)     ALOG_EMIT_(ctx, ALOG_LEVEL_WARN, __VA_ARGS__, ALOG_END_)
#define ALOG_ERROR(ctx, ...)    ALOG_EMIT_(ctx, ALOG_LEVEL_ERROR, __VA_ARGS__, ALOG_END_)
#define ALOG_CRITICAL(ctx, ...) ALOG_EMIT_(ctx, ALOG_LEVEL_CRITICAL, __VA_ARGS__, ALOG_END_)

/*
 * Emit a record that must not be lost: level notice, "event" as named (at most 128 bytes of
 * it), "audit":true, whatever the level of ctx.  0 means durable.  Any error means not known to be
 * durable (it may still appear).  NULL or disabled contexts fail with ALOG_EDISABLED.  Waits for
 * one fdatasync, shared with all that wait at the same time; at most 30 s.
 */
#define ALOG_AUDIT(ctx, ...) ALOG_AUDIT_(ctx, __VA_ARGS__, ALOG_END_)
ALOG_API int alog_auditv(
    alog_t *ctx, const alog_site *site, const char *event, const alog_field *fields, size_t n);

/* At most per_second records a second from this place; the next that passes carries
 * "suppressed", the number held back. */
#define ALOG_LIMITED(ctx, level, per_second, ...)                                              \
	ALOG_LIMITED_(ctx, level, per_second, __VA_ARGS__, ALOG_END_)

/* The same as the macros, for other languages and for computed field lists.  Checks the level. */
ALOG_API int alog_emitv(
    alog_t *ctx, int level, const char *msg, const alog_field *fields, size_t n);
/* As alog_emitv, with a place (may be NULL) and a limit (NULL: none). */
ALOG_API int alog_emitv_at(alog_t *ctx, int level, const alog_site *site, alog_limit *limit,
    uint32_t per_second, const char *msg, const alog_field *fields, size_t n);

/* For callers that come from printf logging: the text becomes "msg". */
ALOG_API int alog_printf(alog_t *ctx, int level, const char *fmt, ...) ALOG_PRINTF_(3, 4);
ALOG_API int alog_vprintf(alog_t *ctx, int level, const char *fmt, va_list ap)
    ALOG_PRINTF_(3, 0);
#define alog_tracef(ctx, ...)    alog_printf(ctx, ALOG_LEVEL_TRACE, __VA_ARGS__)
#define alog_debugf(ctx, ...)    alog_printf(ctx, ALOG_LEVEL_DEBUG, __VA_ARGS__)
#define alog_infof(ctx, ...)     alog_printf(ctx, ALOG_LEVEL_INFO, __VA_ARGS__)
#define alog_noticef(ctx, ...)   alog_printf(ctx, ALOG_LEVEL_NOTICE, __VA_ARGS__)
#define alog_warnf(ctx, ...)     alog_printf(ctx, ALOG_LEVEL_WARN, __VA_ARGS__)
#define alog_errorf(ctx, ...)    alog_printf(ctx, ALOG_LEVEL_ERROR, __VA_ARGS__)
#define alog_criticalf(ctx, ...) alog_printf(ctx, ALOG_LEVEL_CRITICAL, __VA_ARGS__)

/*
 * Wait until every record that was accepted before this call is durable.  timeout_ms < 0
 * waits for ever.  ALOG_ETIMEOUT, ALOG_EIO: not known durable; they may still appear.  Records that
 * the disk lost while nobody waited are told by ALOG_EIO too, to the next caller, once.
 */
ALOG_API int alog_sync(alog_t *ctx, int timeout_ms);

/* ---- statistics ------------------------------------------------------------------------ */

typedef struct alog_stats {
	size_t size;           /* set by the caller: sizeof(alog_stats) */
	uint64_t records;      /* accepted */
	uint64_t bytes;        /* of them, as JSON lines */
	uint64_t written;      /* records in segment files */
	uint64_t durable;      /* records known to be on stable storage */
	uint64_t dropped;      /* lost to a full ring, each covered by a gap record */
	uint64_t suppressed;   /* held back by rate limits */
	uint64_t truncated;    /* cut at record_bytes */
	uint64_t rolls;        /* segments begun after the first */
	uint64_t sealed;       /* archives made */
	uint64_t retired;      /* archives deleted by retention */
	uint64_t recovered;    /* records saved from dead writers */
	uint64_t errors;       /* background errors */
	alog_error last_error; /* the newest of them; code 0: none */
} alog_stats;

/* Statistics of the logger that ctx belongs to, at any time; fills min(size, known) bytes. */
ALOG_API int alog_get_stats(const alog_t *ctx, alog_stats *out);

/* ---- beneath the macros ---------------------------------------------------------------- */

/* Whether a record of this level would be written: one load and a compare. */
static inline bool
alog_enabled(const alog_t *ctx, int level)
{
	/* The first member of every context is its level. */
	return ctx != NULL &&
	    level >= __atomic_load_n((const int *)(const void *)ctx, __ATOMIC_RELAXED);
}

#ifndef __cplusplus

/* Whole initialisers: a field that is made member by member is stored, loaded and stored again.  The
 * compiler takes the length of a literal. */
#define ALOG_FIELD_(key, type, member, value, n)                                               \
	((alog_field){                                                                         \
	    key, type, (key) != NULL ? (uint32_t)strlen(key) : 0, { .member = value }, n })

static inline alog_field
alog_kv_null(const char *key)
{
	return ALOG_FIELD_(key, ALOG_TYPE_NULL, i, 0, 0);
}

static inline alog_field
alog_kv_bool(const char *key, bool b)
{
	return ALOG_FIELD_(key, ALOG_TYPE_BOOL, i, b, 0);
}

static inline alog_field
alog_kv_int(const char *key, long long i)
{
	return ALOG_FIELD_(key, ALOG_TYPE_INT, i, i, 0);
}

static inline alog_field
alog_kv_uint(const char *key, unsigned long long u)
{
	return ALOG_FIELD_(key, ALOG_TYPE_UINT, u, u, 0);
}

static inline alog_field
alog_kv_double(const char *key, double d)
{
	return ALOG_FIELD_(key, ALOG_TYPE_DOUBLE, d, d, 0);
}

static inline alog_field
alog_kv_ldouble(const char *key, long double d)
{
	return ALOG_FIELD_(key, ALOG_TYPE_DOUBLE, d, (double)d, 0);
}

static inline alog_field
alog_kv_float(const char *key, float d)
{
	return ALOG_FIELD_(key, ALOG_TYPE_FLOAT, d, (double)d, 0);
}

static inline alog_field
alog_kv_char(const char *key, char c)
{
	return ALOG_FIELD_(key, ALOG_TYPE_CHAR, i, (unsigned char)c, 0);
}

static inline alog_field
alog_kv_bytes(const char *key, const char *s, size_t n)
{
	return ALOG_FIELD_(key, ALOG_TYPE_BYTES, s, s, n);
}

static inline alog_field
alog_kv_str(const char *key, const char *s)
{
	return ALOG_FIELD_(key, ALOG_TYPE_BYTES, s, s, s != NULL ? strlen(s) : 0);
}

static inline alog_field
alog_kv_ptr(const char *key, const void *p)
{
	return ALOG_FIELD_(key, ALOG_TYPE_POINTER, p, p, 0);
}

static inline alog_field
alog_kv_json(const char *key, const struct json_t *j)
{
	return ALOG_FIELD_(key, ALOG_TYPE_JSON, j, j, 0);
}

/* clang-format off */
/* A field from any C scalar, string, pointer to void, or json_t *; other types do not
 * compile. */
#define ALOG_KV(key, value)                        \
	_Generic((value),                          \
	    bool: alog_kv_bool,                    \
	    char: alog_kv_char,                    \
	    signed char: alog_kv_int,              \
	    short: alog_kv_int,                    \
	    int: alog_kv_int,                      \
	    long: alog_kv_int,                     \
	    long long: alog_kv_int,                \
	    unsigned char: alog_kv_uint,           \
	    unsigned short: alog_kv_uint,          \
	    unsigned int: alog_kv_uint,            \
	    unsigned long: alog_kv_uint,           \
	    unsigned long long: alog_kv_uint,      \
	    float: alog_kv_float,                  \
	    double: alog_kv_double,                \
	    long double: alog_kv_ldouble,          \
	    char *: alog_kv_str,                   \
	    const char *: alog_kv_str,             \
	    void *: alog_kv_ptr,                   \
	    const void *: alog_kv_ptr,             \
	    struct json_t *: alog_kv_json,         \
	    const struct json_t *: alog_kv_json)(key, value)
/* clang-format on */
/* A string with its length; a truth value (before C23, true and a == b are of type int); a null. */
#define ALOG_KVN(key, s, n) alog_kv_bytes(key, s, n)
#define ALOG_KVB(key, cond) alog_kv_bool(key, cond)
#define ALOG_NULL(key)      alog_kv_null(key)

#define ALOG_END_                                                                              \
	{                                                                                      \
		NULL, ALOG_TYPE_END, 0, { 0 }, 0                                               \
	}
#define ALOG_FIELDS_(...)                                                                      \
	(const alog_field[]){ __VA_ARGS__ },                                                   \
	    sizeof((const alog_field[]){ __VA_ARGS__ }) / sizeof(alog_field) - 1

#define ALOG_SITE_ static const alog_site alog_site_ = { __FILE__, __func__, __LINE__ }

#define ALOG_EMIT_(ctx, level, msg, ...)                                                       \
	__extension__({                                                                        \
		ALOG_SITE_;                                                                    \
		alog_t *alog_ctx_ = (ctx);                                                     \
		alog_enabled(alog_ctx_, level) ? alog_emitv_at(alog_ctx_, level, &alog_site_,  \
						     NULL, 0, msg, ALOG_FIELDS_(__VA_ARGS__))  \
					       : 0;                                            \
	})
#define ALOG_LIMITED_(ctx, level, per_second, msg, ...)                                        \
	__extension__({                                                                        \
		ALOG_SITE_;                                                                    \
		static alog_limit alog_limit_;                                                 \
		alog_t *alog_ctx_ = (ctx);                                                     \
		alog_enabled(alog_ctx_, level)                                                 \
		    ? alog_emitv_at(alog_ctx_, level, &alog_site_, &alog_limit_, per_second,   \
			  msg, ALOG_FIELDS_(__VA_ARGS__))                                      \
		    : 0;                                                                       \
	})
#define ALOG_AUDIT_(ctx, event, ...)                                                           \
	__extension__({                                                                        \
		ALOG_SITE_;                                                                    \
		alog_auditv(ctx, &alog_site_, event, ALOG_FIELDS_(__VA_ARGS__));               \
	})
#define ALOG_BIND_(ctx, ...)            alog_bind_(ctx, ALOG_FIELDS_(__VA_ARGS__))
#define ALOG_RUN_BEGIN_(ctx, id, ...)   alog_run_beginv(ctx, id, ALOG_FIELDS_(__VA_ARGS__))
#define ALOG_RUN_END_(ctx, status, ...) alog_run_endv(ctx, status, ALOG_FIELDS_(__VA_ARGS__))
#define ALOG_STAGE_BEGIN_(ctx, name, ...)                                                      \
	alog_stage_beginv(ctx, name, ALOG_FIELDS_(__VA_ARGS__))
#define ALOG_STAGE_END_(ctx, status, ...)                                                      \
	alog_stage_endv(ctx, status, ALOG_FIELDS_(__VA_ARGS__))

#endif /* !__cplusplus */

static inline alog_t *
alog_bind_(alog_t *ctx, const alog_field *fields, size_t n)
{
	alog_t *child = NULL;

	(void)alog_bindv(&child, ctx, fields, n, NULL);
	return child;
}

#ifdef __cplusplus
}
#endif

#endif /* LIBLOG_H */
