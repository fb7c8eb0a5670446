"""Plants violations and sound code beside them."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import banned  # noqa: E402
import layers  # noqa: E402
import settings  # noqa: E402
import sizes  # noqa: E402
from source import Source  # noqa: E402


def body(lines):
    return "{\n" + "  step();\n" * lines + "}\n"


class Layers(unittest.TestCase):
    def findings(self, path, include):
        return layers.check(Source(path, f'#include "{include}"\n'))

    def test_a_folder_includes_itself_and_what_is_below(self):
        self.assertEqual([], self.findings("src/broker/a.cc", "broker/b.h"))
        self.assertEqual([], self.findings("src/broker/handlers/a.cc", "base/result.h"))
        self.assertEqual([], self.findings("src/cli/a.cc", "client/producer.h"))

    def test_a_folder_does_not_include_what_is_above_or_beside(self):
        self.assertTrue(self.findings("src/base/a.h", "protocol/b.h"))
        self.assertTrue(self.findings("src/broker/a.cc", "client/producer.h"))
        self.assertTrue(self.findings("src/client/a.cc", "storage/log.h"))
        self.assertTrue(self.findings("src/storage/a_test.cc", "quorum/raft.h"))

    def test_a_comment_is_no_include(self):
        self.assertEqual([], layers.check(Source("src/base/a.h", '// #include "protocol/b.h"\n')))

    def test_only_who_starts_the_process_knows_the_real_seams(self):
        self.assertEqual([], self.findings("src/cli/a.cc", "base/real/disk.h"))
        self.assertTrue(self.findings("src/storage/a.cc", "base/real/disk.h"))
        self.assertTrue(self.findings("src/broker/node.cc", "base/real/disk.h"))

    def test_public_headers_stand_alone_and_are_the_clients(self):
        self.assertEqual([], self.findings("include/weir/producer.h", "weir/record.h"))
        self.assertTrue(self.findings("include/weir/producer.h", "client/batch.h"))
        self.assertEqual([], self.findings("src/client/producer.cc", "weir/producer.h"))
        self.assertTrue(self.findings("src/broker/node.cc", "weir/producer.h"))

    def test_paths_start_at_src_and_folders_have_ranks(self):
        self.assertTrue(self.findings("src/storage/a.cc", "log.h"))
        self.assertTrue(self.findings("src/attic/a.cc", "base/bytes.h"))

    def test_tests_may_include_anything(self):
        self.assertEqual([], self.findings("tests/sim/a.cc", "broker/b.h"))


class Sizes(unittest.TestCase):
    def findings(self, text, path="src/base/a.cc"):
        return sizes.check(Source(path, text))

    def assert_too_long(self, head, name):
        self.assertEqual([], self.findings(head + body(68)), head)
        found = self.findings(head + body(69))
        self.assertEqual(1, len(found), head)
        self.assertIn(name, found[0])

    def test_a_file_has_at_most_800_lines(self):
        self.assertEqual([], self.findings("int x;\n" * 800))
        self.assertTrue(self.findings("int x;\n" * 801))
        self.assertTrue(self.findings("x = 1\n" * 801, "bench/a.py"))

    def test_a_function_has_at_most_70_lines(self):
        for head in ("void run(int a) ", "Result<int> Log::run() const ", "auto run() -> int ", "int a = 1; bool run(X x = {}) noexcept ",
                     "namespace weir {\nclass A {\n public:\n  void run() override ", "template <class T> void run(T t) ",
                     "static Task<void> run(std::function<void()> f) "):
            self.assert_too_long(head, "run")

    def test_every_kind_of_function_is_seen(self):
        self.assert_too_long("Log::Log(int a) : a_{a}, b_(a), c_{} ", "Log::Log")
        self.assert_too_long("bool operator==(A a, B b) ", "operator")
        self.assert_too_long("constexpr auto kRun = [](int a) ", "kRun")
        self.assert_too_long("TEST(Log, IsLong) ", "TEST(Log, IsLong)")

    def test_scopes_and_data_are_no_functions(self):
        self.assertEqual([], self.findings("namespace weir " + body(100)))
        self.assertEqual([], self.findings("class A : public B<void(int)> {\n" + "  int a();\n" * 100 + "};\n"))
        self.assertEqual([], self.findings("constexpr Row kRows[] = " + body(100)))

    def test_braces_in_comments_strings_and_macros_do_not_count(self):
        text = 'void f() {\n  // }\n  g("}", \'}\', R"(}})");\n#define X {\n' + "  step();\n" * 63 + "}\n"
        self.assertEqual([], self.findings(text))
        self.assertTrue(self.findings(text.replace("  // }\n", "  // }\n  step();\n  step();\n  step();\n")))

    def test_lambdas_count_with_the_function_around_them(self):
        self.assertEqual(1, len(self.findings("void f() {\n  auto g = [](int a) " + body(70) + ";\n}\n")))

    def test_python_functions_count_too(self):
        self.assertTrue(self.findings("def f():\n" + "    step()\n" * 70, "tests/interop/a.py"))
        self.assertEqual([], self.findings("def f():\n" + "    step()\n" * 69, "tests/interop/a.py"))


class Banned(unittest.TestCase):
    def findings(self, text, path="src/storage/a.cc"):
        return banned.check(Source(path, text))

    def test_calls_past_the_seams_are_found(self):
        for text in ("auto t = std::chrono::steady_clock::now();", "auto t = time(nullptr);", "return std::time(&t);", "x = rand() % time(0);",
                     "std::random_device d;", "int s = ::socket(AF_INET, 0, 0);", "if (socket(a, b, c) < 0) {}",
                     "int fd = ::open(path, 0);", "FILE* f = fopen(p, m);", "std::ofstream out(p);", "std::thread t(f);", "sleep(1);",
                     "std::this_thread::sleep_for(d);", "std::mutex m;", "#include <thread>", "#include <sys/socket.h>",
                     "co_await f(a && fsync(fd));", "::read(fd, p, n);"):
            self.assertTrue(self.findings(text + "\n"), text)

    def test_good_names_of_ours_are_left_alone(self):
        for text in ("Timestamp time() const;", "int64_t time(Clock& c);", "log.open(path);", "file->read(b);", "auto s = Socket::open(a);",
                     "co_await loop.sleep(10);", "Socket& socket(int i);", "clock().now();", "// std::thread t;", 'f("rand() time(0)");',
                     "weir::sleep(loop, d);", "std::mt19937_64 g(seed);", "batch_time(x);", "record.time(1);", "Task<void> sleep(Loop& l);"):
            self.assertEqual([], self.findings(text + "\n"), text)

    def test_base_and_tests_of_whole_programs_are_free(self):
        self.assertEqual([], self.findings("std::thread t(f);\n", "src/base/real/threads.cc"))
        self.assertEqual([], self.findings("std::thread t(f);\n", "tests/fault/a.cc"))

    def test_a_finding_names_its_line(self):
        self.assertTrue(self.findings('/* a\n b */\nauto x = R"(\n\n)"; sleep(1);\n')[0].startswith("src/storage/a.cc:5: `sleep`"))


class Settings(unittest.TestCase):
    """A node with one broker setting, one topic setting, and what reads them."""

    SOUND = {
        "src/broker/config/keys_log.cc": '    {"log.a", kInt, "1", any_value(), kHigh, kClusterWide, kWorks,\n     "What it does."},\n};\n',
        "src/broker/config/keys_node.cc": '    {"node.b", kInt, "1", any_value(), kHigh, kReadOnly, kWorks, "What it does."},\n'
                                          '    {"node.c", kInt, "1", any_value(), kHigh, kReadOnly, kNotBuilt, kLater},\n};\n',
        "src/broker/config/keys_topic.cc": '    {"topic.a", kInt, "1", any_value(), kHigh, kResource, kWorks, "What it does."},\n};\n',
        "src/broker/config/keys_defaults.cc": '    {"topic.a", "log.a"},\n',
        "src/broker/config/broker_config.h": '  [[nodiscard]] int32_t node_b() const { return int32("node.b"); }\n',
        "src/broker/config/broker_config.cc": 'Result<> BrokerConfig::check_limits() const {\n  use(int32("node.c"));\n}\n',
        "src/broker/config/connection_limits.cc": "",
        "src/broker/config/topic_config.h": "struct TopicConfig {\n  int32_t topic_a = 1;\n};\n",
        "src/broker/config/topic_config.cc": 'void resolve() {\n  values.read("topic.a", config.topic_a);\n}\n',
        "src/broker/group/group_config.h": "struct GroupConfig {\n  int32_t size{3};\n};\n",
        "src/broker/log_settings.cc": "LogConfig f() { return {.index_interval = topic.topic_a}; }\n",
        "src/broker/node.cc": "void start() { use(config.node_b(), group.size); }\n",
        "src/storage/log_config.h": "struct LogConfig {\n  int32_t index_interval = 4096;\n};\n",
        "src/storage/log.cc": "void f() { use(config_.index_interval); }\n",
    }

    def findings(self, path=None, before="", after=""):
        texts = dict(self.SOUND)
        if path:
            self.assertIn(before, texts[path])
            texts[path] = texts[path].replace(before, after)
        return settings.check({path: Source(path, text) for path, text in texts.items()})

    def assert_found(self, expected, *change):
        found = self.findings(*change)
        self.assertTrue(any(expected in finding for finding in found), found)

    def test_settings_that_say_what_they_do_are_left_alone(self):
        self.assertEqual([], self.findings())

    def test_a_setting_that_works_is_read(self):
        self.assert_found("topic.a is said to work, and nothing reads it", "src/broker/config/topic_config.cc", "topic.a", "topic.b")
        self.assert_found("log.a is said to work, and nothing reads it", "src/broker/config/keys_defaults.cc", "log.a", "log.b")
        self.assert_found("node.b is said to work, and nothing reads it", "src/broker/config/broker_config.h", "node.b", "node.x")

    def test_what_is_read_gets_out_of_the_configuration(self):
        self.assert_found("node_b() is not used", "src/broker/node.cc", "node_b", "node_x")
        self.assert_found("topic_a is set and not read", "src/broker/log_settings.cc", "topic_a", "topic_x")
        self.assert_found("index_interval is set and not read", "src/storage/log.cc", "index_interval", "interval")

    def test_a_setting_without_effect_is_not_read_but_may_be_checked(self):
        self.assert_found("node.c is read, and said to have no effect", "src/broker/config/broker_config.cc", "check_limits", "read_limits")

    def test_a_setting_that_is_given_a_value_is_not_read(self):
        self.assertEqual([], self.findings("src/broker/node.cc", "use(", 'give({{"node.c", "1"}}, '))
        self.assert_found("node.c is read", "src/broker/node.cc", "use(", 'use("node.c", ')

    def test_a_setting_that_changes_at_run_time_is_not_read_at_start_unless_it_says_so(self):
        rows = "src/broker/config/keys_node.cc"
        self.assert_found("node.b is said to change at run time", rows, 'kReadOnly, kWorks, "What', 'kPerBroker, kWorks, "What')
        self.assertEqual([], self.findings(rows, 'kReadOnly, kWorks, "What', 'kPerBroker, kWorks, "Read at start. What'))


if __name__ == "__main__":
    unittest.main()
