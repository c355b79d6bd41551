#include "zone_names.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

/* The source of the database in its short form (zic(8)): "Z NAME ..." is a zone, "L ZONE NAME" another name. */
#define LIST     "/usr/share/zoneinfo/tzdata.zi"
#define LIST_MAX ((size_t)1 << 20) /* it has 107 KiB */

/* The whole of it with a NUL; or NULL. */
static char *
read_list(void)
{
	int fd = sys->openat(AT_FDCWD, LIST, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	char *text = NULL;
	ssize_t n = -1;

	if (fd < 0)
		return NULL;
	if ((text = malloc(LIST_MAX + 1)) != NULL)
		n = sys_pread_all(fd, text, LIST_MAX, 0);
	(void)sys->close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

/* The name that a line is about; 0: it is about none. */
static size_t
name_of(const char *line, const char **name)
{
	if ((line[0] != 'Z' && line[0] != 'L') || line[1] != ' ')
		return 0;
	*name = line + 2;
	if (line[0] == 'L')
		*name += strcspn(*name, " \n") + 1;
	return strcspn(*name, " \n");
}

/* By all of it, and by what stands last. */
static void
offer(struct nearest *near, const char *name, size_t n)
{
	const char *slash = memrchr(name, '/', n);

	nearest_offer(near, name, n);
	if (slash != NULL)
		nearest_offer_by(near, slash + 1, n - (size_t)(slash + 1 - name), name, n);
}

void
zone_names_nearest(struct nearest *near, const char *written)
{
	char *text = read_list();
	const char *name;
	size_t n;

	nearest_init(near, written, strlen(written));
	for (const char *line = text; line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n');

		if (end == NULL)
			break;
		if ((n = name_of(line, &name)) > 0 && name + n <= end)
			offer(near, name, n);
		line = end + 1;
	}
	free(text);
}
