/*
 * libauditq - ask questions of audit trails: JSON Lines in date partitions, sealed or plain.
 *
 *     auditq_t *q = auditq_new();
 *     auditq_path(q, "logs");
 *     auditq_after(q, "2025-10-20");
 *     auditq_stage(q, "detection");
 *     auditq_failed(q);
 *     while ((r = auditq_next(q, &rec, &err)) > 0)
 *             fwrite(rec.line, 1, rec.len, stdout);
 *     if (r < 0)
 *             warnx("%s", err.text);
 *     auditq_free(q);
 *
 * Building: each call narrows the question.  The first wrong argument is kept and is what
 * auditq_next and its kin return; calls after it do nothing.  So a builder's result may be ignored.
 *
 * Answers: records come in order of (time, path, offset); a record without a time has its
 * predecessor's.  Memory is bounded whatever the size of the trail.
 *
 * Honesty: data that the query needed and that could not be read is reported to the warning
 * callback and counted; auditq_get_counts tells.  The rest is still answered.
 *
 * Threads: a query belongs to one thread at a time, except that auditq_cancel may come from any
 * thread.  A cache may be shared by queries in different threads.  The library starts worker threads
 * of its own, never prints, never exits, and installs no signal handler.
 *
 * Errors: functions that return int return 0 (iterators 1 or 0) or a negative AUDITQ_E... code;
 * an auditq_error belongs to the caller, may be NULL, and is written only on failure.
 */
#ifndef AUDITQ_H
#define AUDITQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AUDITQ_VERSION "0.1.0"

#if defined(__GNUC__)
#define AUDITQ_API __attribute__((visibility("default")))
#else
#define AUDITQ_API
#endif

typedef struct auditq auditq_t;             /* a query */
typedef struct auditq_cache auditq_cache_t; /* inflated members, kept for later queries */

enum auditq_code {
	AUDITQ_EINVAL =
	    -1, /* an argument is wrong; text names it, offset is the position in it */
	AUDITQ_ENOMEM = -2,
	AUDITQ_EIO = -3,    /* the operating system refused; os_errno and path say what */
	AUDITQ_EEXIST = -4, /* an output file is there already */
	AUDITQ_ENOENT = -5, /* a path, a run or a field is not there */
	AUDITQ_ETOOBIG = -9,
	AUDITQ_EVERSION = -10, /* a file of a newer, incompatible format */
	AUDITQ_ECORRUPT = -11, /* a file is damaged */
	AUDITQ_EJSON = -12,    /* a line is not a JSON object */
	AUDITQ_EREGEX = -13,   /* a pattern does not compile, or exceeded its match limit */
	AUDITQ_EBUSY = -14,    /* in use by a living writer */
	AUDITQ_ECANCELED = -20,
};

/* The layout is frozen, and that of alog_error. */
typedef struct auditq_error {
	int32_t code;
	int32_t os_errno;
	uint64_t offset; /* in the file, or in the argument */
	char path[240];  /* the file, or "" */
	char text[256];  /* one line for people, without a newline */
} auditq_error;

AUDITQ_API const char *auditq_code_name(int code);

/* ---- building a query ------------------------------------------------------------------ */

AUDITQ_API auditq_t *auditq_new(void); /* NULL: out of memory */
AUDITQ_API void auditq_free(auditq_t *q);

/* A root, a partition, a file, or "-" for standard input; at least one.  Directories are read
 * with all below them.  The same file twice counts once. */
AUDITQ_API int auditq_path(auditq_t *q, const char *path);

/* A run by its id, by a prefix of it, or "last": the run that started last within the paths and the
 * time window.  Repeated: any of them. */
AUDITQ_API int auditq_run(auditq_t *q, const char *id);
/* Records of this stage; repeated: any of them. */
AUDITQ_API int auditq_stage(auditq_t *q, const char *name);
/* Failed records: status is "failed", or there is no status and level is error or above; under another schema, what
 * it says. */
AUDITQ_API int auditq_failed(auditq_t *q);
/* "warn": warn and above.  "=warn" or "warn,error": exactly these.  Repeated: any of them. */
AUDITQ_API int auditq_level(auditq_t *q, const char *spec);

/* The zone of times that do not say theirs, and of days, in what is asked after this call, and of
 * auditq_time_text: a name of the IANA database ("Europe/Berlin"), "UTC" (the default), an offset ("+02:00"), a rule
 * as POSIX has them, or "local": what $TZ names, else the machine's.  Of a time that comes twice there the first is
 * meant; one that is skipped counts on from before.  AUDITQ_EINVAL: there is no such zone. */
AUDITQ_API int auditq_zone(auditq_t *q, const char *name);

/* The window [after, before).  Text: RFC 3339, YYYY-MM-DD (its start), epoch seconds to
 * nanoseconds, now, today, yesterday, 14:05 (of today), yesterday 14:05, a duration back from now (-1h, 90m,
 * 2d12h). */
AUDITQ_API int auditq_after(auditq_t *q, const char *when);
AUDITQ_API int auditq_before(auditq_t *q, const char *when);
/* Days, inclusive: "2025-10-20" or "2025-10-20..2025-10-23". */
AUDITQ_API int auditq_on(auditq_t *q, const char *days);
/* The same as nanoseconds since 1970; INT64_MIN and INT64_MAX leave a side open. */
AUDITQ_API int auditq_between(auditq_t *q, int64_t after_ns, int64_t before_ns);
/* What "now" is, ns since 1970; the default is the clock at the first call that needs it. */
AUDITQ_API int auditq_now(auditq_t *q, int64_t now_ns);

/* An expression over fields, and-ed with what else is asked; see auditq(1), EXPRESSIONS. */
AUDITQ_API int auditq_where(auditq_t *q, const char *expr);
/*
 * "RE", a PCRE2 pattern: records in whose line, as it is stored, it is found.  "FIELD~RE": in the string in that
 * field, decoded; a name with other characters than in expressions stands in backticks.  "~RE": in the line,
 * whatever RE has before a "~".  Repeated: any of them.  AUDITQ_EREGEX: it does not compile; a query gives up with
 * that when a pattern takes too many steps on some record.
 */
AUDITQ_API int auditq_regex(auditq_t *q, const char *text);
/* The records in the window for which not all of that holds: runs, stages, failed, levels, expressions and patterns
 * taken together.  What cannot be read does not match either way. */
AUDITQ_API int auditq_invert(auditq_t *q, bool on);

/*
 * What time, run, stage, level and failed mean in all the files: a schema by its name, or in a JSON file; see
 * auditq(1), SCHEMAS.  Without it, archives say under which they were made, and of other files it is recognised by
 * the keys of their first records.  AUDITQ_EINVAL: there is no such schema, or the file's is wrong.
 */
AUDITQ_API int auditq_schema(auditq_t *q, const char *name_or_file);
/* Schema number i that comes with the library, from 0: its name, whose logs it is for, and its JSON; each may be
 * NULL.  Static text.  AUDITQ_ENOENT: there are no more. */
AUDITQ_API int auditq_known_schema(
    size_t i, const char **name, const char **about, const char **json);

/* At most n records (0: none), the first in output order. */
AUDITQ_API int auditq_limit(auditq_t *q, uint64_t n);
/* At most n records (0: none), the last in output order, given first to last.  They are looked for from
 * the latest on, so that no more is read than holds them.  Neither auditq_limit nor auditq_reverse goes with
 * it: AUDITQ_EINVAL from auditq_next. */
AUDITQ_API int auditq_tail(auditq_t *q, uint64_t n);
/* Instead of each matching record its whole run, each record once, in order: also what lies outside the window.  A
 * match without a run stands for itself.  Limit and tail count matches. */
AUDITQ_API int auditq_expand_run(auditq_t *q, bool on);
/* With each matching record so many records of its run before and after it, of any time, each once (at most 10000
 * each).  They come in groups, which are what there is of a run without a gap: in the order of their first records,
 * whole.  Limit and tail count matches.  Goes not with auditq_expand_run: AUDITQ_EINVAL from auditq_next.  Either
 * reads files twice, so that standard input is refused.  AUDITQ_ETOOBIG: the matches are of more than 200000 runs (or
 * 16 MiB of their ids), or limited to more than so many. */
AUDITQ_API int auditq_context(auditq_t *q, uint32_t before, uint32_t after);
/* Latest first. */
AUDITQ_API int auditq_reverse(auditq_t *q, bool on);
/*
 * Go on with records as they come, in order of arrival.  First come the last 10, or as many as auditq_tail says, or
 * all of the window if auditq_after was called.  Then auditq_next blocks until there is a record, whatever becomes of
 * files meanwhile: new ones, rolled, sealed, compacted and rotated ones, a path that is removed and comes again, or is not
 * there so far (a warning, AUDITQ_ENOENT); each record is given once, in the order of its writer, and what only the
 * ring of a dead writer has, too.  auditq_cancel ends it: auditq_next returns 0; so does a limit that is reached.  It
 * does not go with auditq_reverse, auditq_count, statistics or standard input.
 */
AUDITQ_API int auditq_follow(auditq_t *q, bool on);
/*
 * Only what came since auditq_cursor_store wrote this file, whatever its time; if there is no such file, everything, or
 * what auditq_follow begins with: with a limit, of the last records at most so many, and those behind auditq_after in the
 * order in which they are found.  What was considered and did not match counts as given.  While records are followed, the
 * file is also stored every second.  A line without a line feed is left for the next time.  AUDITQ_ECORRUPT from
 * auditq_next: it is damaged, or no cursor file.  Not with auditq_tail, auditq_reverse, or, but to follow, auditq_limit.
 */
AUDITQ_API int auditq_cursor(auditq_t *q, const char *path);
/* Worker threads; 0: as many as there are processors, up to 8.  Beyond 12 it is 12: each takes
 * memory, and that of a query is bounded.  More than 256 is a mistake. */
AUDITQ_API int auditq_jobs(auditq_t *q, unsigned n);
/* false: read everything in the window as if files had no summaries.  The answer is the same. */
AUDITQ_API int auditq_use_index(auditq_t *q, bool on);
/* Bytes that matching records may hold in memory before they spill to an unlinked temporary file (default 32 MiB). */
AUDITQ_API int auditq_memory(auditq_t *q, uint64_t bytes);

/* ---- warnings -------------------------------------------------------------------------- */

/*
 * Something could not be read, or is odd.
 *
 * With a line, which is 1-based, the offset is where it begins in the decompressed data, of which both leave out what
 * was lost before, unless an index tells how much that was.  Without one, 0, it is a place in the file as it is stored:
 * where the gzip member begins that is damaged, or the strange bytes; where the page of the index does, or the footer that
 * does not agree with the rest or should be there; where the file ends that was cut; where the line does in a plain file,
 * and the record, or what else is damaged, in a ring; 0 when it is about the file as a whole.
 */
typedef struct auditq_warning {
	int code;         /* AUDITQ_E... */
	bool lost;        /* data that the query needed was not read (exit status 3) */
	const char *path; /* the file, or ""; valid during the call, as is text */
	uint64_t line;
	uint64_t offset;
	const char *text;
} auditq_warning;

/* Called from the thread that calls auditq_next, in file order as far as known. */
typedef void auditq_warning_fn(void *arg, const auditq_warning *w);
AUDITQ_API int auditq_on_warning(auditq_t *q, auditq_warning_fn *fn, void *arg);

/* How far a query is: stored bytes read so far, and of all files that were listed, of which it may need less.
 * Called from the thread that asks, at most ten times a second, as pieces of the work are done. */
typedef void auditq_progress_fn(void *arg, uint64_t bytes_read, uint64_t bytes_total);
AUDITQ_API int auditq_on_progress(auditq_t *q, auditq_progress_fn *fn, void *arg);

/* ---- answers --------------------------------------------------------------------------- */

/* A matching record; valid until the next call on the query. */
typedef struct auditq_record {
	const char *line; /* as stored, without its line feed */
	size_t len;
	int64_t ts; /* ns since 1970; INT64_MIN: none, nor had one before it in its file */
	const char *path; /* "-" for standard input */
	uint64_t offset;  /* of the line, in the decompressed data */
} auditq_record;

/* 1 and a record; 0 at the end; negative: an error, and the query is over. */
AUDITQ_API int auditq_next(auditq_t *q, auditq_record *rec, auditq_error *err);

enum auditq_mark {
	AUDITQ_MARK_MATCH = 1, /* it matches; else it is given for one that does */
	AUDITQ_MARK_GROUP = 2, /* it begins a group of auditq_context */
};

/* What there is to say of the record that auditq_next gave last, as bits of auditq_mark: 0 without auditq_context. */
AUDITQ_API unsigned auditq_marks(const auditq_t *q);

/* The number of records that auditq_next would give, without making them: from summaries where
 * they suffice. */
AUDITQ_API int auditq_count(auditq_t *q, uint64_t *n, auditq_error *err);

/* Whether auditq_next may block until a record comes: who collects output writes it first. */
AUDITQ_API bool auditq_may_wait(const auditq_t *q);
/* Make the cursor file say that all is given: after auditq_next has returned 0; when records are followed at any time
 * behind those with which that begins, of those up to the last one given, else AUDITQ_EINVAL.  It is replaced at once, and durably. */
AUDITQ_API int auditq_cursor_store(auditq_t *q, auditq_error *err);

/* Make auditq_next return AUDITQ_ECANCELED soon, or 0 if it follows; from any thread, and from a signal handler. */
AUDITQ_API void auditq_cancel(auditq_t *q);
/* Start the same query again, on the files as they are now. */
AUDITQ_API int auditq_rewind(auditq_t *q, auditq_error *err);

enum auditq_type {
	AUDITQ_ABSENT = 0,
	AUDITQ_NULL,
	AUDITQ_FALSE,
	AUDITQ_TRUE,
	AUDITQ_NUMBER,
	AUDITQ_STRING,
	AUDITQ_OBJECT,
	AUDITQ_ARRAY,
};

/* A value in a record: its text as it stands in the line, valid as long as the record. */
typedef struct auditq_value {
	int type;         /* auditq_type */
	const char *text; /* a string without its quotes, escapes unresolved */
	size_t len;
} auditq_value;

/* Find a field by its path ("user", "http.status", "id.orig_h"); the last of duplicates. */
AUDITQ_API int auditq_get(const auditq_record *rec, const char *path, auditq_value *out);
/* A number as int64_t or double, or AUDITQ_EINVAL when it is none, or not in range. */
AUDITQ_API int auditq_get_i64(const auditq_record *rec, const char *path, int64_t *out);
AUDITQ_API int auditq_get_double(const auditq_record *rec, const char *path, double *out);
/* A string decoded to UTF-8 with a NUL; returns its length, writes at most cap bytes.  AUDITQ_ENOENT:
 * it is not there; AUDITQ_EINVAL: it is no string. */
AUDITQ_API int64_t auditq_get_string(
    const auditq_record *rec, const char *path, char *dst, size_t cap);

/* An instant as text in the query's zone (UTC where q is NULL): "2025-10-23T14:05:09.123456789Z", or with an
 * offset for Z when the zone is another.  Returns its length; AUDITQ_EINVAL: ns is INT64_MIN. */
#define AUDITQ_TIME_ROOM 48
AUDITQ_API int auditq_time_text(const auditq_t *q, int64_t ns, char dst[AUDITQ_TIME_ROOM]);

/* ---- export ---------------------------------------------------------------------------- */

enum auditq_format {
	AUDITQ_JSONL = 0, /* each line as stored */
	AUDITQ_JSON,      /* one array */
	AUDITQ_CSV,       /* RFC 4180 with a header line */
	AUDITQ_TSV,       /* tabs; \t \n \r \\ escaped in cells */
	AUDITQ_MD,        /* a Markdown table */
	AUDITQ_RAW,       /* each line as stored; takes no fields */
	AUDITQ_PRETTY,    /* columns for people; control characters made visible */
};

typedef struct auditq_export_options {
	size_t size;        /* sizeof(auditq_export_options) */
	int format;         /* auditq_format */
	const char *fields; /* "a,b.c": only these, in this order; NULL: all */
	bool force;         /* overwrite */
	bool
	    source; /* say where each record stands, file:offset: in objects as last member _source, else in front */
	bool color; /* pretty: with the escape sequences of terminals */
	unsigned
	    width; /* pretty: fields go to another line where they would exceed so many cells; 0: never */
} auditq_export_options;

/* Name to format: "jsonl", "json", "csv", "tsv", "md", "raw", "pretty"; or AUDITQ_EINVAL. */
AUDITQ_API int auditq_format_parse(const char *name);

/*
 * Write all answers to a file, made under a temporary name and renamed when complete; n (may be NULL)
 * gets the number of records.  AUDITQ_EEXIST unless force.
 */
AUDITQ_API int auditq_export(auditq_t *q, const char *path, const auditq_export_options *opt,
    uint64_t *n, auditq_error *err);
/* The same to a callback, which returns 0 or a negative code to stop with. */
typedef int auditq_write_fn(void *arg, const void *data, size_t len);
AUDITQ_API int auditq_export_to(auditq_t *q, auditq_write_fn *fn, void *arg,
    const auditq_export_options *opt, uint64_t *n, auditq_error *err);

/* ---- statistics ------------------------------------------------------------------------ */

typedef struct auditq_stats auditq_stats_t;

typedef struct auditq_stats_options {
	size_t size; /* sizeof(auditq_stats_options) */
	/* "stage", or fields "a,b.c": a row for each combination of their values; NULL: one row. */
	const char *by;
	const char
	    *field; /* the number that is measured; NULL: duration_ms, negative ones left out */
	/* Quantiles exactly.  Else within AUDITQ_STATS_ACCURACY; then archives that the query asks for as a
	 * whole, or but for stages, by stage or all in one, are answered from their summaries. */
	bool exact;
	/* "1h", "1d": a row also for each part of time of that length that has records, in the query's zone; of
	 * weeks from Monday.  NULL: time makes none. */
	const char *step;
	bool counts; /* only count: nothing is measured */
	/* Groups by the number of their records, most first, and at most so many of them; 0: all, in the order of
	 * their values. */
	uint64_t top;
} auditq_stats_options;

#define AUDITQ_STATS_ACCURACY 0.01 /* relative */

/*
 * Quantiles lie between two values where they must, in proportion (as PostgreSQL's percentile_cont).  What
 * summaries add to the sum was rounded once per archive.
 */
typedef struct auditq_stats_row {
	size_t size; /* set by the caller: sizeof(auditq_stats_row) */
	uint64_t records;
	uint64_t ends;   /* records with a status */
	uint64_t failed; /* of the records; the failure rate is failed / ends */
	uint64_t
	    values; /* records with the number that is measured; if there are none, what follows is 0 */
	double sum, min, max, p50, p95, p99;
	int64_t start,
	    end; /* of the part of time, with step; INT64_MIN: its records have no time */
} auditq_stats_row;

/*
 * Count and measure the records that auditq_next would give; limit and order do not matter.  What cannot be
 * read is told as by auditq_next.  *ret is to be freed with auditq_stats_free; it does not need the query.
 * AUDITQ_ETOOBIG: more than 16384 rows, or 8 MiB of what names them.
 */
AUDITQ_API int auditq_stats(
    auditq_t *q, const auditq_stats_options *opt, auditq_stats_t **ret, auditq_error *err);
AUDITQ_API void auditq_stats_free(auditq_stats_t *s);

/* Rows, in the order of their groups, then of time. */
AUDITQ_API size_t auditq_stats_rows(const auditq_stats_t *s);
/* AUDITQ_EINVAL: there is no such row. */
AUDITQ_API int auditq_stats_get(const auditq_stats_t *s, size_t row, auditq_stats_row *out);
/* Field number i of `by`, from 0: its name, and the value that a row's records have there: a string decoded,
 * anything else as it stands; AUDITQ_ABSENT also for null, and for a stage that is no string.  Valid as long
 * as s.  AUDITQ_EINVAL: there is no such row or field. */
AUDITQ_API int auditq_stats_group(
    const auditq_stats_t *s, size_t row, size_t i, const char **name, auditq_value *value);
/* The part of time of such a step that an instant is in, [start, end), in the query's zone (UTC where q is NULL);
 * INT64_MIN is in none.  AUDITQ_EINVAL: there is no such step. */
AUDITQ_API int auditq_part_of(
    const auditq_t *q, const char *step, int64_t ns, int64_t *start, int64_t *end);
/* Each row as an object of the fields of `by`, with step start and end (RFC 3339, UTC), records, ends, failed, failure_rate, values, sum, min, max, p50,
 * p95, p99 (null: there is none) and exact; of counts no more than failure_rate; in any of the formats of auditq_export_to. */
AUDITQ_API int auditq_stats_export_to(const auditq_stats_t *s, auditq_write_fn *fn, void *arg,
    const auditq_export_options *opt, auditq_error *err);

/* ---- runs ------------------------------------------------------------------------------ */

enum auditq_run_status {
	AUDITQ_RUN_OK = 1,
	AUDITQ_RUN_FAILED =
	    2, /* its run.end says so; without any run.begin and run.end: a record failed */
	AUDITQ_RUN_INCOMPLETE = 4, /* it began and did not end, and its writer is gone */
	AUDITQ_RUN_RUNNING = 8,    /* it did not end, and its writer lives */
};

/* "ok", "failed", "incomplete", "running"; or NULL. */
AUDITQ_API const char *auditq_run_status_name(int status);

/* Texts are decoded, without a NUL, and valid until another run is given, or the runs are freed. */
typedef struct auditq_run_row {
	size_t size; /* set by the caller: sizeof(auditq_run_row) */
	const char *id;
	size_t id_len;
	int status;          /* auditq_run_status */
	int64_t first, last; /* times of its records, ns since 1970; INT64_MIN: none has one */
	uint64_t records, failed;
	uint64_t stages;          /* different ones; 256: at least so many */
	int64_t failed_at;        /* time of the first failed record, if there is one */
	const char *failed_stage; /* its stage; NULL: it has none */
	size_t failed_stage_len;
} auditq_run_row;

typedef struct auditq_runs auditq_runs_t;

typedef struct auditq_runs_options {
	size_t size;     /* sizeof(auditq_runs_options) */
	unsigned status; /* any of these auditq_run_status; 0: all */
} auditq_runs_options;

/*
 * The runs of the records that a query asks for, by the time of their first record.  What is told of a run is of all
 * its records in the paths, also of those outside the window.  Limit, tail and reverse are about runs.  What cannot be
 * read is told as by auditq_next.  With a window, or other than runs asked for, files are read twice: standard input is
 * refused.  Archives whose tables tell all that is asked are not read at all; counted in files_answered.  *ret is to be
 * freed with auditq_runs_free; it does not need the query.  Memory is bounded however many runs there are.
 */
AUDITQ_API int auditq_runs(
    auditq_t *q, const auditq_runs_options *opt, auditq_runs_t **ret, auditq_error *err);
AUDITQ_API void auditq_runs_free(auditq_runs_t *runs);
/* 1 and a run; 0 at the end; negative. */
AUDITQ_API int auditq_runs_next(auditq_runs_t *runs, auditq_run_row *row, auditq_error *err);
/* All that are left, each as an object of run_id, start, end (RFC 3339, UTC; null: not known), duration_ms, stages,
 * records, failed, status, failed_stage, failed_at; in any of the formats of auditq_export_to.  n (may be NULL) gets
 * their number. */
AUDITQ_API int auditq_runs_export_to(auditq_runs_t *runs, auditq_write_fn *fn, void *arg,
    const auditq_export_options *opt, uint64_t *n, auditq_error *err);

/* ---- one run --------------------------------------------------------------------------- */

enum auditq_node_kind {
	AUDITQ_NODE_RUN = 1,
	AUDITQ_NODE_STAGE, /* from its stage.begin to its stage.end */
	AUDITQ_NODE_LOOSE, /* records of a stage that did not begin: from the first to the last */
	AUDITQ_NODE_ERROR, /* a failed record, but for those that end a stage or the run */
};

/* Texts are decoded, without a NUL, valid as long as the tree. */
typedef struct auditq_node {
	size_t size; /* set by the caller: sizeof(auditq_node) */
	int kind;    /* auditq_node_kind */
	unsigned depth;
	size_t parent;    /* 0 for the run, too */
	const char *name; /* of a stage; the run's id; NULL for an error */
	size_t name_len;
	int status; /* auditq_run_status; of an error: 0; of a stage without an end: as the run that did not end */
	int64_t begin, end;       /* ns since 1970; INT64_MIN: not known, or it did not end */
	uint64_t records, failed; /* its own, and not those of stages below it */
	const char *
	    message; /* of an error, or of a failed end: what msg and error say; NULL: nothing */
	size_t message_len;
} auditq_node;

typedef struct auditq_tree auditq_tree_t;

/*
 * A run of auditq_runs as a tree, from all its records in the query's paths; whatever else the query asks does not
 * matter.  A stage stands below another of the same process that it lies in by its times.  *ret is to be freed with
 * auditq_tree_free; it does not need the query.  AUDITQ_ETOOBIG: more than 100000 stages, or 16 MiB of their names.  Errors beyond 10000,
 * or with more than 16 MiB to say, are counted, which a warning tells.
 */
AUDITQ_API int auditq_tree(
    auditq_t *q, const auditq_run_row *run, auditq_tree_t **ret, auditq_error *err);
AUDITQ_API void auditq_tree_free(auditq_tree_t *tree);
/* Nodes, each before those below it, in the order of their times; node 0 is the run. */
AUDITQ_API size_t auditq_tree_nodes(const auditq_tree_t *tree);
/* AUDITQ_EINVAL: there is no such node. */
AUDITQ_API int auditq_tree_get(const auditq_tree_t *tree, size_t node, auditq_node *out);
/* All nodes, each as an object of node, parent, depth, kind (run, stage, loose, error), name, status, start, end,
 * duration_ms, records, failed and message; in any of the formats of auditq_export_to. */
AUDITQ_API int auditq_tree_export_to(const auditq_tree_t *tree, auditq_write_fn *fn, void *arg,
    const auditq_export_options *opt, auditq_error *err);

/* ---- what a query did ------------------------------------------------------------------ */

typedef struct auditq_counts {
	size_t size;           /* set by the caller: sizeof(auditq_counts) */
	int64_t after, before; /* the window as understood, ns; INT64_MIN, INT64_MAX: open */
	uint64_t partitions, partitions_pruned; /* directories with a date */
	uint64_t files,
	    files_by_date; /* files listed below what was not pruned; pruned by their name */
	uint64_t files_by_footer; /* pruned by their footer */
	uint64_t members;         /* of the archives whose index was read */
	uint64_t members_by_time, members_by_counts, members_by_filter,
	    members_by_run; /* pruned */
	uint64_t members_inflated, members_cached, members_without_match;
	uint64_t
	    members_answered;    /* counted from summaries alone (auditq_count, auditq_stats) */
	uint64_t bytes_total;    /* stored bytes of the files listed */
	uint64_t bytes_read;     /* stored bytes that were read for lines */
	uint64_t bytes_inflated; /* decompressed bytes searched */
	uint64_t lines, matched, unreadable; /* looked at; matching; neither JSON nor blank */
	uint64_t duplicates;                 /* the same record in two files of one writer */
	uint64_t spilled;                    /* bytes that went to a temporary file */
	uint64_t warnings, lost;             /* warnings; of them with lost data */
	uint64_t files_replaced;             /* left out: a compacted archive has their lines */
	uint64_t
	    runs_widened; /* of matches, whose records were asked for of any time (auditq_expand_run, auditq_context) */
	/* Under which schemas files were to be read, the first of them; names are "" behind the last. */
	struct auditq_schema_use {
		char name[32];
		uint64_t files;
	} schema[8];
	uint64_t
	    files_answered; /* archives whose summaries said all (auditq_stats, auditq_runs) */
} auditq_counts;

/* At any time; complete when auditq_next has returned 0. */
AUDITQ_API int auditq_get_counts(const auditq_t *q, auditq_counts *out);

/* ---- what there is to ask for ---------------------------------------------------------- */

enum auditq_names {
	AUDITQ_NAMES_STAGES = 0,
	AUDITQ_NAMES_FIELDS, /* paths of values: "user", "http.status" */
	AUDITQ_NAMES_RUNS,
};

/* Returns 0 to go on, or a negative code to stop with. */
typedef int auditq_name_fn(void *arg, const char *name, size_t n);

/*
 * The names that occur where a query looks: in its paths, and in files that may have records of its window; whatever else
 * it asks does not matter.  Each is given once, decoded, in no order, and valid during the call.  Quickly rather than
 * completely: from the summaries of archives, and from the first MiB of some other files; nothing of standard input.
 * 1: there are no other names; 0: there may be others; negative.  What cannot be read is not told again.
 */
AUDITQ_API int auditq_names(
    auditq_t *q, int kind, auditq_name_fn *fn, void *arg, auditq_error *err);
/* Field number i, from 0, that the query's expressions and patterns are about, repeated ones too; n bytes, valid as
 * long as the query.  AUDITQ_ENOENT: there are no more. */
AUDITQ_API int auditq_asked_field(const auditq_t *q, size_t i, const char **name, size_t *n);

/* ---- cache ----------------------------------------------------------------------------- */

/* At most max_bytes of inflated members, least recently used first to go.  Keyed by device, inode,
 * size, mtime and offset.  A query whose plan is larger than the cache bypasses it. */
AUDITQ_API auditq_cache_t *auditq_cache_new(uint64_t max_bytes);
/* Queries that use it must be freed first. */
AUDITQ_API void auditq_cache_free(auditq_cache_t *cache);
AUDITQ_API int auditq_set_cache(auditq_t *q, auditq_cache_t *cache);
typedef struct auditq_cache_stats {
	size_t size;
	uint64_t bytes, members, hits, misses, evicted, bypassed;
} auditq_cache_stats;
AUDITQ_API int auditq_cache_get_stats(const auditq_cache_t *cache, auditq_cache_stats *out);

/* ---- archives -------------------------------------------------------------------------- */

typedef struct auditq_pack_options {
	size_t size;
	const char *root; /* required; made when missing */
	const char *ts;   /* time key, all else as in native; NULL: see schema */
	const char *
	    reject; /* file for lines that cannot be packed, made only when there are any; NULL:
	                      * <root>/_pack-<16 hex of the id>.reject.jsonl (readers skip names with _) */
	int gzip_level; /* [6] */
	auditq_warning_fn *on_warning;
	void *on_warning_arg;
	/* As for auditq_schema, and recorded in the archives; not with ts.  NULL, and no ts: recognised by the
	 * first input's first records, as which all are packed: others that look different get a warning. */
	const char *schema;
} auditq_pack_options;

typedef struct auditq_pack_result {
	size_t size;
	uint64_t lines, packed, rejected, archives, partitions;
	uint64_t skipped_archives; /* already there, from the same input */
	char id[65]; /* hex SHA-256 of the input's lines (and of a schema other than native) */
	char reject[512]; /* path of the reject file, or "" */
} auditq_pack_result;

/*
 * Put JSON Lines (files, plain or gzip, or "-") into sealed archives below a root, in partitions by
 * each record's own time.  Input in any order; memory bounded.  The same input again
 * changes nothing.  Lines that are no object, or have no usable time, go to the reject file, one JSON object
 * each: {"source":"file","line":N,"reason":"…","text":"…"}.
 */
AUDITQ_API int auditq_pack(const char *const *paths, size_t npath,
    const auditq_pack_options *opt, auditq_pack_result *out, auditq_error *err);

/* Describe an archive: its header, members, index, run table, rollups and digests; as text, or as one JSON object.
 * AUDITQ_ECORRUPT after the whole description was given: the lines or digests do not hold. */
AUDITQ_API int auditq_inspect(
    const char *path, bool json, auditq_write_fn *fn, void *arg, auditq_error *err);

typedef struct auditq_recover_result {
	size_t size;
	uint64_t rings, records, segments, sealed, torn, alive;
} auditq_recover_result;

/* Finish what dead writers left below a root: rings replayed, torn tails cut, segments sealed.  A living writer's
 * files are not touched (alive counts them). */
AUDITQ_API int auditq_recover(const char *root, auditq_warning_fn *fn, void *arg,
    auditq_recover_result *out, auditq_error *err);

typedef struct auditq_compact_options {
	size_t size;
	uint64_t
	    small_bytes; /* archives with fewer bytes of lines than this are merged [16 MiB] */
	uint64_t max_bytes; /* into archives of at most so many, up to 128 MiB [64 MiB] */
	int gzip_level;     /* [6] */
	bool dry_run;       /* change nothing, tell what would be merged */
	auditq_warning_fn *on_warning;
	void *on_warning_arg;
} auditq_compact_options;

typedef struct auditq_compact_result {
	size_t size;
	uint64_t files;            /* sealed segments of writers that are gone, looked at */
	uint64_t merged, archives; /* of them merged, into so many archives */
	uint64_t partitions;       /* in which that was done */
	uint64_t lines;            /* in those archives */
	uint64_t bytes_before, bytes_after; /* stored; after: 0 when it is a dry run */
	uint64_t plain;                     /* segments that are not sealed */
	uint64_t alive;                     /* writers that live, or are not recovered */
} auditq_compact_result;

/*
 * Put the small archives of a root's partitions, or of the one given, into few; first finish what dead writers
 * left, as auditq_recover does for the root.  The files of a service are merged, in the order of their first
 * records; the lines of each stay together, in their order.  A living writer's files, those of auditq_pack, damaged
 * ones, and those that hold records without a time or a number are left as they are.
 *
 * Queries that run meanwhile see every record once.  Killed anywhere, it leaves all records readable, once each, and the
 * next one goes on.  Of two at once in a partition, the second leaves it (a warning, AUDITQ_EBUSY).  Retention treats
 * the archives it makes as segments of their service.  out is filled on failure, too, with what was done before.
 */
AUDITQ_API int auditq_compact(const char *path, const auditq_compact_options *opt,
    auditq_compact_result *out, auditq_error *err);

#ifdef __cplusplus
}
#endif

#endif /* AUDITQ_H */
