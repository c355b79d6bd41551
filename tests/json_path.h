/* json_path - for tests: a field of a record by its path, looked up by jansson, not by anything of ours. */
#ifndef JSON_PATH_H
#define JSON_PATH_H

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* The rule of field.h, word for word: the longest prefix that is a key, then the next shorter. */
static inline json_t *
json_path(json_t *object, const char *path)
{
	size_t n = strlen(path);

	for (size_t end = n + 1; end-- > 0;) {
		char prefix[64];
		json_t *value;

		if (end < n && path[end] != '.')
			continue;
		(void)snprintf(prefix, sizeof prefix, "%.*s", (int)end, path);
		value = json_object_get(object, prefix);
		if (value != NULL && end < n)
			value = json_path(value, path + end + 1);
		if (value != NULL)
			return value;
	}
	return NULL;
}

#endif
