/*
 * story - what is known of one run, from some of its lines.
 *
 * Stories of the same run are joined in any order to the same whole: what is first or last is so by time, not
 * by which file or which worker came first.
 */
#ifndef STORY_H
#define STORY_H

#include "bytes.h"
#include "schema.h"

#define STORY_STAGES_MAX 256 /* that are told apart */

/* All zeros is that of no line.  Times are effective ones; CLOCK_NONE: of lines that have none. */
struct story {
	uint64_t records, failed;
	int64_t first, last; /* of the lines that have a time */
	bool begun, ended;   /* there is a run.begin, a run.end */
	int64_t begin, end;  /* the latest of each */
	bool end_failed;     /* that run.end is a failed record */
	bool begin_alive;    /* who wrote that run.begin lives */
	bool last_alive;     /* who wrote the last line does */
	bool chosen;         /* some line was asked for */
	int64_t failed_at;   /* of the first failed line; if `failed` */
	char *failed_stage;  /* its stage, without a NUL; NULL: it has none */
	size_t
	    nfailed_stage; /* of lines of the same time, the least name's, and any before none */
	uint64_t *stage;   /* hashes of the stages, in ascending order */
	size_t nstage;
};

/* What a line says.  The fields are of any type; all but strings are as good as absent. */
struct story_line {
	int64_t ts;
	bool failed;
	bool alive; /* who wrote it lives */
	const struct field *stage, *event;
};

enum story_status { STORY_OK, STORY_FAILED, STORY_INCOMPLETE, STORY_RUNNING };

/* What stands for a stage in story's set. */
uint64_t story_stage(const char *name, size_t n);

/* The following return 0, or -1 when out of memory. */
int story_add(struct story *s, const struct story_line *line);
int story_join(struct story *s, const struct story *more);
/* A run without run.begin and run.end is judged by its records. */
enum story_status story_status(const struct story *s);

void story_put(const struct story *s, struct bytes_out *b);
/* Into a zeroed one, to be released on failure too.  0; -1: no story, or out of memory. */
int story_get(struct story *s, struct bytes_in *in);
void story_release(struct story *s);

#endif
