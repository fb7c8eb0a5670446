"""Files of at most 800 lines, functions of at most 70: what is longer does more than one thing."""

import ast
import re

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70

_SPACE_OF_NAMES = re.compile(r"\s*(inline\s+)?(namespace|class|struct|union|enum)\b")
_PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def _without_preprocessor(code):
    return _PREPROCESSOR.sub(lambda match: "\n" * match.group(0).count("\n"), code)


def _after_group(code, start):
    """The position after the group of braces that opens at `start`."""
    depth = 0
    for at in range(start, len(code)):
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        if depth == 0:
            return at + 1
    return len(code)


def _is_function(head):
    """Whether a brace after `head` opens a function's body, not a scope of names or a list of values."""
    declaration = re.sub(r"\btemplate\s*<[^{};]*?>\s*(?=[\w:\[~])", "", head)
    if ")" not in declaration or _SPACE_OF_NAMES.match(declaration):
        return False
    before_arguments = declaration[:declaration.index("(")]
    if "operator" in before_arguments or "=" not in before_arguments:
        return True
    return "]" in before_arguments.split("=", 1)[1]  # a lambda that is given a name at namespace scope


def _name(head):
    names = re.findall(r"(~?\w+(?:::~?\w+)*|operator\s*\S+?)\s*\(([^()]*)", head)
    lambda_name = re.search(r"(\w+)\s*=\s*\[", head)
    if lambda_name or not names:
        return lambda_name.group(1) if lambda_name else "a function"
    name, arguments = names[0]
    return f"{name}({arguments.strip()})" if name.startswith("TEST") else name


def cpp_functions(code):
    """Yields (name, first line, last line) of each function, lambdas counted with the function around them."""
    code = _without_preprocessor(code)
    head_start, parentheses, at = 0, 0, 0
    while at < len(code):
        char = code[at]
        if char in "([":
            parentheses += 1
        elif char in ")]":
            parentheses = max(0, parentheses - 1)
        elif char == "{" and (parentheses > 0 or (code[at - 1] not in " \n\t" and at > 0)):
            at = _after_group(code, at)  # a value: a default argument, a member's initializer
            continue
        elif char == "{":
            head = code[head_start:at]
            if _is_function(head):
                end = _after_group(code, at)
                first = head_start + len(head) - len(head.lstrip())
                yield _name(head), code.count("\n", 0, first) + 1, code.count("\n", 0, end) + 1
                at = head_start = end
                continue
            head_start = at + 1
        elif char in ";}" and parentheses == 0:
            head_start = at + 1
        elif char == ":" and code[head_start:at].strip() in ("public", "private", "protected"):
            head_start = at + 1
        at += 1


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno


def check(source):
    findings = []
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        findings.append(source.finding(1, f"{lines} lines, at most {FILE_LINES_MAX}: split it by what its parts are for"))
    functions = cpp_functions(source.code) if source.is_cpp else python_functions(source.text) if source.is_python else ()
    for name, first, last in functions:
        length = last - first + 1
        if length > FUNCTION_LINES_MAX:
            findings.append(source.finding(first, f"{name} has {length} lines, at most {FUNCTION_LINES_MAX}: name its steps"))
    return findings
