/*
 * mark - a file's content up to an offset, by which it is known again when it was renamed, copied or compressed.
 */
#ifndef MARK_H
#define MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARK_PRINT 16 /* bytes of a fingerprint */

/* So much of the first and of the last bytes makes a file's identity: a line or more. */
#define MARK_BYTES 1024

struct mark {
	uint64_t offset; /* 0: there is none */
	uint8_t head[MARK_PRINT], tail[MARK_PRINT];
};

enum mark_result {
	MARK_OTHER, /* it has other content */
	MARK_HOLDS,
	MARK_UNREADABLE,
	MARK_CUT, /* it may come to hold it: it is damaged, or ends in a member, before that can be told */
	MARK_PARTLY, /* it ends in the middle of a member, and is the same as far as it is known */
};

/* Of what an open file holds before an offset.  0, or negative: it is shorter, or cannot be read. */
int mark_take(struct mark *out, int fd, uint64_t offset);
/* Whether an open file has the content that was marked, and perhaps more: MARK_OTHER, HOLDS or UNREADABLE. */
enum mark_result mark_match(const struct mark *mark, int fd);
/* Whether a gzip file does, decompressed; path is for messages.  MARK_PARTLY: where it holds the content, too.
 * *bytes: how many it has, if it holds the content. */
enum mark_result mark_match_gzip(
    const struct mark *mark, int fd, const char *path, uint64_t *bytes);

/* What a content begins with, by which nearly all marks of others are told without reading it again. */
struct mark_head {
	size_t
	    n; /* less than MARK_BYTES: the content is as short, or the rest cannot be read */
	uint8_t p[MARK_BYTES], print[MARK_PRINT];
};

void mark_head_plain(struct mark_head *out, int fd);
void mark_head_gzip(struct mark_head *out, int fd, const char *path);
/* False: the content is another one.  True: mark_match tells. */
bool mark_may_hold(const struct mark *mark, const struct mark_head *head);

#endif
