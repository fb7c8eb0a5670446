#include "cli/manual_page.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace weir::cli {
namespace {

const auto kAll = [](const CLI::App*) { return true; };

// Text as roff prints it.
std::string escaped(std::string_view text) {
  std::string result;
  bool at_line_start = true;
  for (const char c : text) {
    if (at_line_start && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    at_line_start = c == '\n';
  }
  return result;
}

// TEXT:{table,json} is a text, of course.
std::string type_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.starts_with("TEXT:{") ? type.substr(type.find(':') + 1) : type;
}

std::string synopsis(const CLI::App& app, const std::string& path) {
  std::string text = fmt::format(".B {}\n", escaped(path));
  bool has_options = false;
  std::string positionals;
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional()) {
      has_options = true;
      continue;
    }
    std::string name = escaped(option->get_name(true));
    if (option->get_items_expected_max() > 1) name += " ...";
    positionals += option->get_required() ? fmt::format("\\fI{}\\fR ", name) : fmt::format("[\\fI{}\\fR] ", name);
  }
  if (has_options) text += "[\\fIOPTIONS\\fR] ";
  return text + positionals + "\n";
}

void add_options(const CLI::App& app, std::string& text) {
  for (const CLI::Option* option : app.get_options()) {
    const std::vector<std::string>& names = option->get_lnames();
    if (!names.empty() && names.front().starts_with("help")) continue;
    const bool takes_value = option->nonpositional() && option->get_items_expected_max() > 0;
    std::string name = option->nonpositional() ? option->get_name(false, true) : option->get_name(true);
    for (size_t comma = 0; (comma = name.find(',', comma)) != std::string::npos; comma += 2)
      name.replace(comma, 1, ", ");
    text += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", escaped(name),
                        takes_value ? " \\fI" + escaped(type_of(*option)) + "\\fR" : "",
                        escaped(option->get_description()));
  }
}

void add_command(const CLI::App& app, const std::string& path, std::string& text) {
  const std::vector<const CLI::App*> commands = app.get_subcommands(kAll);
  for (const CLI::App* command : commands) add_command(*command, path + " " + command->get_name(), text);
  if (!commands.empty()) return;
  text += fmt::format(".SS {}\n{}.PP\n{}.\n", escaped(path), synopsis(app, path), escaped(app.get_description()));
  add_options(app, text);
  if (app.get_footer().empty()) return;
  text += fmt::format(".PP\n.EX\n{}\n.EE\n", escaped(app.get_footer()));
}

}  // namespace

std::string manual_page(const CLI::App& root) {
  std::string text = fmt::format(
      ".TH WEIR 1 \"\" \"weir {}\" \"User Commands\"\n"
      ".SH NAME\nweir \\- a distributed, partitioned, replicated commit log that speaks Apache Kafka's protocol\n"
      ".SH SYNOPSIS\n.B weir\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n"
      ".SH DESCRIPTION\n"
      "One program is the node (\\fBweir start\\fR) and the commands that look at a cluster and change it.\n"
      "The clients, tools and data directories of Apache Kafka work with it unchanged.\n"
      ".PP\nEach command has help of its own: \\fBweir topic create \\-\\-help\\fR.\n"
      ".SH COMMANDS\n",
      WEIR_VERSION);
  for (const CLI::App* command : root.get_subcommands(kAll)) add_command(*command, "weir " + command->get_name(), text);
  text +=
      ".SH EXIT STATUS\n.TP\n.B 0\nDone.\n.TP\n.B 1\nFailed; why is on the standard error.\n"
      ".TP\n.B 2\nWrong usage.\n.TP\n.B 130\nInterrupted before the end.\n"
      ".SH ENVIRONMENT\n.TP\n.B WEIR_BOOTSTRAP\nHOST:PORT,... of brokers, for commands without "
      "\\fB\\-\\-bootstrap\\fR.\n"
      ".SH FILES\n.TP\n.I /etc/weir/weir.properties\nThe settings of the node of the Debian package, named as "
      "Kafka's.\n";
  return text;
}

}  // namespace weir::cli
