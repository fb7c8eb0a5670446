"""What the tables of src/broker/config say of a setting is what the code does with it: a setting that works is read, and its value gets
out of src/broker/config; a setting that is said to have no effect has none. What a value is only checked for is not an effect."""

import re

CONFIG = "src/broker/config/"
# These stand between the text of the settings and the rest of the code.
_BROKER_CONFIG = (CONFIG + "broker_config.h", CONFIG + "broker_config.cc")
_TOPIC_CONFIG = CONFIG + "topic_config.cc"
_LIMITS = CONFIG + "connection_limits.cc"
# Structs whose fields are settings, with the files that only fill them.
_STRUCTS = {CONFIG + "topic_config.h": (CONFIG,), "src/storage/log_config.h": ("src/broker/log_settings.cc",),
            "src/broker/group/group_config.h": (CONFIG,)}

_ROW = re.compile(r'\{\s*"(?P<name>[\w.]+)",\s*k(?:Boolean|String|Int|Short|Long|Double|List|Class|Password),(?P<rest>.*?)\},\n(?=    \{|\};)',
                  re.DOTALL)
_SUPPORT = re.compile(r"\bk(Works|NoMeaning|NotBuilt)\b")
_UPDATE = re.compile(r"\bk(ReadOnly|PerBroker|ClusterWide|DynamicOnly|Resource)\b")
_DEFAULT = re.compile(r'\{"(?P<key>[\w.]+)", "(?P<broker_key>[\w.]+)"')
# Not the first of a pair in braces: that is a setting which is given a value.
_NAME = re.compile(r'(?<!\{)"((?:\w+\.)+\w+|listeners|preallocate|match|metrics)"')
_FUNCTION = re.compile(r"^\w[^;=#\n]*?\b(?P<name>\w+)\([^;]*?\{$", re.MULTILINE)
_ACCESSOR = re.compile(r"\[\[nodiscard\]\][^;{]*?\b(?P<name>\w+)\([^()]*\) const")
_FIELD = re.compile(r"^  [\w:<>, ]+ (?P<name>[a-z]\w*)(?: = [^;]*|\{[^}]*\})?;", re.MULTILINE)


class Key:
    def __init__(self, source, match):
        self.name = match.group("name")
        self.is_topics = "keys_topic" in source.path
        self.line = source.text.count("\n", 0, match.start()) + 1
        self.source = source
        self.works = _SUPPORT.search(match.group("rest")).group(1) == "Works"
        self.update = _UPDATE.search(match.group("rest")).group(1)
        self.note = match.group("rest")

    def finding(self, message):
        return self.source.finding(self.line, f"{self.name} {message}")


def _keys(sources):
    for path, source in sources.items():
        if path.startswith(CONFIG + "keys_"):
            yield from (Key(source, match) for match in _ROW.finditer(source.text))


def _is_code(path):
    return path.startswith("src/") and not path.endswith(("_test.cc", "_fixture.h")) and "/testing/" not in path


def _is_user(path):
    return _is_code(path) and not path.startswith(CONFIG)


def _function_at(text, position):
    """The name of the function around a position."""
    name = ""
    for match in _FUNCTION.finditer(text, 0, position):
        name = match.group("name")
    return name


def _names_read(source):
    for match in _NAME.finditer(source.text):
        if not _function_at(source.text, match.start()).startswith("check_"):
            yield match.group(1)


def _unused(sources, words, users):
    """Those of `words` that none of `users` has."""
    seen = set()
    for path in users:
        seen.update(re.findall(r"\w+", sources[path].code))
    return [word for word in words if word not in seen]


def _check_members(sources):
    users = [path for path in sources if _is_user(path)]
    header = sources[_BROKER_CONFIG[0]]
    public = header.text.split(" private:")[0]
    for name in _unused(sources, _ACCESSOR.findall(public), users):
        yield header.finding(header.text[:header.text.index(f" {name}(")].count("\n") + 1, f"{name}() is not used outside {CONFIG}")
    for path, fillers in _STRUCTS.items():
        readers = [reader for reader in sources if _is_code(reader) and reader != path and not reader.startswith(fillers)]
        for name in _unused(sources, _FIELD.findall(sources[path].code), readers):
            yield sources[path].finding(1, f"{name} is set and not read")


def check(sources):
    """`sources`: the Source of each file by its path."""
    keys = list(_keys(sources))
    anywhere = {name for path, source in sources.items() if _is_user(path) or path == _LIMITS for name in _names_read(source)}
    topic_reads = anywhere | set(_names_read(sources[_TOPIC_CONFIG]))
    static_reads = {name for path in _BROKER_CONFIG for name in _names_read(sources[path])}
    broker_reads = anywhere | static_reads
    broker_reads |= {row.group("broker_key") for row in _DEFAULT.finditer(sources[CONFIG + "keys_defaults.cc"].text)
                     if row.group("key") in topic_reads}
    findings = list(_check_members(sources))
    for key in keys:
        is_read = key.name in (topic_reads if key.is_topics else broker_reads)
        if key.works and not is_read:
            findings.append(key.finding("is said to work, and nothing reads it"))
        if not key.works and is_read:
            findings.append(key.finding("is read, and said to have no effect"))
        # BrokerConfig is made once at start.
        if key.works and key.name in static_reads and key.update in ("PerBroker", "ClusterWide") and "at start" not in key.note:
            findings.append(key.finding("is said to change at run time, and is read at start"))
    return findings
