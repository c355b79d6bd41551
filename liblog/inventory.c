#include "inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct wanted {
	const char *writer, *service;
};

static int
add(struct inventory *inv, size_t *cap, const struct inventory_item *item)
{
	struct inventory_item *grown;

	if (inv->n == *cap) {
		*cap = *cap > 0 ? *cap * 2 : 64;
		if ((grown = realloc(inv->item, *cap * sizeof *grown)) == NULL)
			return -1;
		inv->item = grown;
	}
	inv->item[inv->n++] = *item;
	return 0;
}

static int
list_partition(
    struct inventory *inv, size_t *cap, int dirfd, int32_t day, const struct wanted *want)
{
	struct sys_names names;
	int rc = 0;

	if (sys_list(dirfd, &names) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		struct inventory_item item = { .day = day };
		struct stat st;

		if (!path_parse_segment(names.name[i], &item.id) ||
		    (want->writer != NULL && strcmp(item.id.writer, want->writer) != 0) ||
		    (want->service != NULL && strcmp(item.id.service, want->service) != 0))
			continue;
		if (sys->fstatat(dirfd, names.name[i], &st, AT_SYMLINK_NOFOLLOW) < 0) {
			rc = errno == ENOENT ? 0 : -1;
			continue;
		}
		if (!S_ISREG(st.st_mode))
			continue;
		(void)strncpy(item.name, names.name[i], sizeof item.name - 1);
		item.bytes = (uint64_t)st.st_size;
		item.mtime =
		    (int64_t)st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
		rc = add(inv, cap, &item);
	}
	sys_names_free(&names);
	return rc;
}

static int
by_writer(const void *a, const void *b)
{
	const struct inventory_item *x = a, *y = b;
	const int c = strcmp(x->id.writer, y->id.writer);

	if (c != 0)
		return c;
	if (x->id.number != y->id.number)
		return x->id.number < y->id.number ? -1 : 1;
	return (x->id.kind == PATH_PLAIN) - (y->id.kind == PATH_PLAIN);
}

int
inventory_list(struct inventory *out, const struct segment_root *root, const char *writer,
    const char *service, alog_error *err)
{
	const struct wanted want = { writer, service };
	struct inventory inv = { 0 };
	struct sys_names names;
	size_t cap = 0;
	int rc = 0;

	if (sys_list(root->fd, &names) < 0)
		return error_set(err, ALOG_EIO, errno, root->path, "cannot list");
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		int32_t day;
		int fd;

		if (!path_parse_partition(names.name[i], &day))
			continue;
		fd = sys_opendir_at(root->fd, names.name[i]);
		/* What is no directory, or a link to one, is no partition. */
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
			continue;
		if (fd < 0 || list_partition(&inv, &cap, fd, day, &want) < 0)
			rc = error_set(
			    err, ALOG_EIO, errno, root->path, "cannot list %s", names.name[i]);
		if (fd >= 0)
			(void)sys->close(fd);
	}
	sys_names_free(&names);
	if (rc < 0) {
		inventory_free(&inv);
		return rc;
	}
	if (inv.n > 0)
		qsort(inv.item, inv.n, sizeof *inv.item, by_writer);
	*out = inv;
	return 0;
}

void
inventory_free(struct inventory *inv)
{
	free(inv->item);
	*inv = (struct inventory){ 0 };
}
