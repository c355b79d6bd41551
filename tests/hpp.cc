// hpp - liblog.hpp as a C++ program uses it; one line a check.
#include <liblog.hpp>

#include <cstdio>
#include <fstream>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>

namespace fs = std::filesystem;

static int failures;

static void
check(bool ok, const char *what)
{
	std::printf("%s - %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

static std::string
slurp(const fs::path &root)
{
	std::string all;

	for (const auto &e : fs::recursive_directory_iterator(root))
		if (e.path().extension() == ".jsonl") {
			std::ifstream in(e.path());

			all.append(std::istreambuf_iterator<char>(in), {});
		}
	return all;
}

enum class color { red = 1, green = 2 };

static void
work(alog::logger &log)
{
	alog::run run(log, "run-1", { { "trigger", "test" } });
	alog::bound request(run, { { "tenant", std::string("acme") } });

	check(run.run_id() == "run-1", "the run has its id");
	{
		alog::stage stage(request, "load");

		(void)stage.info("types",
		    { { "b", true }, { "c", 'x' }, { "i", -1 }, { "u", 1ull << 63 }, { "f", 0.1f },
			{ "d", 0.1 }, { "sv", std::string_view("abc", 2) }, { "n", nullptr },
			{ "e", color::green } });
		(void)stage.debug("not written");
		check(stage.audit("load.done", { { "bytes", size_t(7) } }) == 0, "audit is durable");
	}
	try {
		alog::stage stage(request, "detect");

		throw std::runtime_error("boom");
	} catch (const std::exception &) {
	}
	run.fail();
}

int
main(int argc, char **argv)
{
	const fs::path root = argc > 1 ? argv[1] : "hpp-logs";
	const std::string dir = root.string();
	alog_options opt = {};
	alog_error err;
	alog::logger log, none;
	std::string text;

	opt.root = dir.c_str();
	opt.service = "cpp";
	check(log.open(opt, &err) == 0, "open");
	work(log);
	check(none.info("nowhere") == 0 && none.run_id().empty(), "a logger that is not open does nothing");
	check(none.open({}, &err) == ALOG_EINVAL && err.code == ALOG_EINVAL, "open tells what is wrong");
	check(log.close() == 0, "close");
	text = slurp(root);
	const char *const wanted[] = {
		"\"event\":\"run.begin\",\"trigger\":\"test\"}",
		("\"msg\":\"types\",\"tenant\":\"acme\",\"b\":true,\"c\":\"x\",\"i\":-1,"
		 "\"u\":9223372036854775808,\"f\":0.1,\"d\":0.1,\"sv\":\"ab\",\"n\":null,\"e\":2}"),
		"\"event\":\"load.done\",\"tenant\":\"acme\",\"bytes\":7,\"audit\":true}",
		"\"stage\":\"load\",\"event\":\"stage.end\",\"status\":\"ok\"",
		"\"stage\":\"detect\",\"event\":\"stage.end\",\"status\":\"failed\"",
		"\"event\":\"run.end\",\"status\":\"failed\"",
	};
	for (const char *w : wanted)
		check(text.find(w) != std::string::npos, w);
	check(text.find("not written") == std::string::npos, "a level that is off");
	return failures > 0;
}
