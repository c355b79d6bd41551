/* config - any bytes as a configuration: an error that says where, or options that a logger checks in turn. */
#include <jansson.h>

#include "fuzz.h"
#include "settings.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz_file(data, size);
	json_t *json = json_loadb(
	    (const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	alog_config *config = NULL;
	struct settings settings;
	alog_error err = { 0 };
	int r = alog_config_load(&config, fuzz_path(fd), &err);

	FUZZ_CLAIM((r == 0) == (config != NULL) && r == err.code);
	if (!json_is_object(json))
		FUZZ_CLAIM(r == ALOG_EJSON || r == ALOG_EINVAL);
	if (r < 0)
		FUZZ_CLAIM(err.text[0] != '\0' && err.offset <= size);
	if (r == 0) {
		r = settings_init(&settings, alog_config_options(config), &err);
		FUZZ_CLAIM(r == err.code);
		if (r == 0)
			settings_destroy(&settings);
		else
			FUZZ_CLAIM(err.text[0] != '\0');
	}
	alog_config_free(config);
	json_decref(json);
	return 0;
}
