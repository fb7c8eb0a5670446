#include "cli/completion.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace weir::cli {
namespace {

struct Choice {
  std::string name;
  std::string what;
};

struct OptionChoice {
  Choice choice;
  bool takes_value;
  std::vector<std::string> values;  // where they are few and named
};

// A command and what can follow it.
struct Place {
  std::string path;  // "" for the program, then "/topic", "/topic/create"
  std::vector<Choice> commands{};
  std::vector<OptionChoice> options{};
};

const auto kAll = [](const CLI::App*) { return true; };

// "TEXT:{table,json}" is what one_of() of command_line.cc makes an option's type.
std::vector<std::string> named_values(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{');
  const size_t end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  return CLI::detail::split(type.substr(begin + 1, end - begin - 1), ',');
}

void collect(const CLI::App& app, const std::string& path, std::vector<Place>& into) {
  Place place{.path = path};
  for (const CLI::App* command : app.get_subcommands(kAll))
    place.commands.push_back({command->get_name(), command->get_description()});
  for (const CLI::Option* option : app.get_options()) {
    const std::vector<std::string> values = named_values(*option);
    // A positional argument with named values completes like a command.
    if (!option->nonpositional()) {
      for (const std::string& value : values) place.commands.push_back({value, option->get_description()});
    }
    for (const std::string& name : option->get_lnames()) {
      const bool takes_value = option->get_items_expected_max() > 0;
      place.options.push_back({{"--" + name, option->get_description()}, takes_value, values});
    }
  }
  into.push_back(std::move(place));
  for (const CLI::App* command : app.get_subcommands(kAll)) collect(*command, path + "/" + command->get_name(), into);
}

std::vector<Place> places_of(const CLI::App& root) {
  std::vector<Place> places;
  collect(root, "", places);
  return places;
}

// The paths of all commands, as alternatives of a shell's `case` or as a list.
std::string paths(const std::vector<Place>& places, std::string_view between) {
  std::vector<std::string> all;
  for (const Place& place : places) {
    if (!place.path.empty()) all.push_back(place.path);
  }
  return fmt::format("{}", fmt::join(all, between));
}

// For a word in single quotes.
std::string quoted(std::string_view text, std::string_view escaped_quote) {
  std::string result;
  for (const char c : text) result += c == '\'' ? std::string(escaped_quote) : std::string(1, c);
  return result;
}

// The lines of a `case` on "PATH OPTION": options with named values give `command` these, others end with `otherwise`.
std::string value_cases(const std::vector<Place>& places, std::string_view command, std::string_view otherwise) {
  std::string text;
  std::vector<std::string> free;
  for (const Place& place : places) {
    for (const OptionChoice& option : place.options) {
      const std::string pattern = fmt::format("'{} {}'", place.path, option.choice.name);
      if (!option.values.empty()) {
        text += fmt::format("    {}) {} {}; return ;;\n", pattern, command, fmt::join(option.values, " "));
      } else if (option.takes_value) {
        free.push_back(pattern);
      }
    }
  }
  return text + fmt::format("    {}) {}; return ;;\n", fmt::join(free, " | "), otherwise);
}

std::string bash_script(const std::vector<Place>& places) {
  std::string words;
  for (const Place& place : places) {
    std::vector<std::string> all;
    for (const Choice& command : place.commands) all.push_back(command.name);
    for (const OptionChoice& option : place.options) all.push_back(option.choice.name);
    words += fmt::format("    '{}') words='{}' ;;\n", place.path, fmt::join(all, " "));
  }
  // Bash takes the part of a word before '=' for a word of its own; a path is enough for that.
  return fmt::format(
      R"(# Completion of weir for bash:  source <(weir completion bash)
_weir_words() {{
  local IFS=$' \t\n'
  COMPREPLY=($(compgen -W "$*" -- "$current"))
}}
_weir() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} at='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at/${{COMP_WORDS[i]}}" in
      {}) at="$at/${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$at ${{COMP_WORDS[COMP_CWORD - 1]}}" in
{}  esac
  case "$at" in
{}  esac
  _weir_words "$words"
}}
complete -o default -F _weir weir
)",
      paths(places, " | "), value_cases(places, "_weir_words", "COMPREPLY=()"), words);
}

std::string zsh_script(const std::vector<Place>& places) {
  const auto entry = [](const Choice& choice) {
    std::string name;
    for (const char c : choice.name) name += c == ':' ? "\\:" : std::string(1, c);
    return fmt::format("      '{}:{}'\n", name, quoted(choice.what, "'\\''"));
  };
  std::string choices;
  for (const Place& place : places) {
    choices += fmt::format("    '{}') choices=(\n", place.path);
    for (const Choice& command : place.commands) choices += entry(command);
    for (const OptionChoice& option : place.options) choices += entry(option.choice);
    choices += "    ) ;;\n";
  }
  return fmt::format(
      R"(#compdef weir
# Completion of weir for zsh:  weir completion zsh > DIRECTORY/_weir  with a directory of $fpath, or  source <(weir completion zsh)
_weir() {{
  local at='' i
  local -a choices
  for ((i = 2; i < CURRENT; i++)); do
    case "$at/${{words[i]}}" in
      {}) at="$at/${{words[i]}}" ;;
    esac
  done
  case "$at ${{words[CURRENT - 1]}}" in
{}  esac
  case "$at" in
{}  esac
  _describe weir choices || _files
}}
if [ "$funcstack[1]" = _weir ]; then _weir "$@"; else compdef _weir weir; fi
)",
      paths(places, " | "), value_cases(places, "compadd --", "_files"), choices);
}

std::string fish_script(const std::vector<Place>& places) {
  std::string text = fmt::format(
      R"(# Completion of weir for fish:  weir completion fish > ~/.config/fish/completions/weir.fish
function __weir_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        contains -- "$at/$word" {} && set at "$at/$word"
    end
    test "$at" = "$argv[1]"
end
)",
      paths(places, " "));
  for (const Place& place : places) {
    const std::string begin = fmt::format("complete -c weir -n '__weir_at \"{}\"'", place.path);
    for (const Choice& command : place.commands)
      text += fmt::format("{} -f -a {} -d '{}'\n", begin, command.name, quoted(command.what, "\\'"));
    for (const OptionChoice& option : place.options) {
      std::string values;
      if (!option.values.empty()) values = fmt::format(" -x -a '{}'", fmt::join(option.values, " "));
      if (option.values.empty() && option.takes_value) values = " -r";
      text += fmt::format("{} -l {}{} -d '{}'\n", begin, option.choice.name.substr(2), values,
                          quoted(option.choice.what, "\\'"));
    }
  }
  return text;
}

}  // namespace

std::string completion_script(const CLI::App& root, std::string_view shell) {
  const std::vector<Place> places = places_of(root);
  if (shell == "bash") return bash_script(places);
  return shell == "zsh" ? zsh_script(places) : fish_script(places);
}

}  // namespace weir::cli
