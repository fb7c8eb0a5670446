"""The schemas as objects: messages, their structs and fields, with the versions each is present in."""
import json
import os

ANY = (0, 32767)
PRIMITIVES = {'bool': 1, 'int8': 1, 'int16': 2, 'uint16': 2, 'int32': 4, 'uint32': 4, 'int64': 8, 'float64': 8,
              'uuid': 16}


def span(text):
    """'3-7' -> (3, 7), '4+' -> (4, 32767), '2' -> (2, 2), 'none' -> None."""
    if text == 'none':
        return None
    if text.endswith('+'):
        return (int(text[:-1]), ANY[1])
    low, _, high = text.partition('-')
    return (int(low), int(high or low))


def meet(a, b):
    """The versions in both, or None."""
    if a is None or b is None:
        return None
    low, high = max(a[0], b[0]), min(a[1], b[1])
    return (low, high) if low <= high else None


def contains(versions, version):
    return versions is not None and versions[0] <= version <= versions[1]


class Field:
    """One field; `versions` are those of its struct's that carry it."""

    def __init__(self, data, struct):
        self.name = data['name']
        self.is_array = data['type'].startswith('[]')
        self.type = data['type'].removeprefix('[]')
        self.declared = span(data['in'])
        self.null_declared = span(data.get('null', 'none'))
        self.tag = data.get('tag')
        self.has_default = 'default' in data
        self.default = data.get('default')
        self.ignorable = data.get('ignorable', False)
        self.never_flexible = data.get('flexible') == 'none'
        self.owner = struct
        self.struct = None
        self.versions = None
        self.null = None

    @property
    def is_tagged(self):
        return self.tag is not None

    @property
    def is_struct(self):
        return self.type not in PRIMITIVES and self.type not in ('string', 'bytes', 'records')

    @property
    def is_optional(self):
        return self.null is not None

    @property
    def default_is_null(self):
        if self.type == 'records' and not self.has_default:
            return self.is_optional
        return self.is_optional and self.has_default and self.default is None

    def element_size_min(self, version):
        """The fewest bytes that one value of the type (an element, for an array) takes."""
        flexible = self.is_flexible(version)
        if self.type in PRIMITIVES:
            return PRIMITIVES[self.type]
        if self.type == 'string':
            return 1 if flexible else 2
        if self.type in ('bytes', 'records'):
            return 1 if flexible else 4
        return self.struct.size_min(version)

    def size_min(self, version):
        if self.is_array:
            return 1 if self.is_flexible(version) else 4
        if self.is_struct and self.is_optional:
            return 1
        return self.element_size_min(version)

    def is_flexible(self, version):
        return not self.never_flexible and contains(self.owner.message.flexible, version)


class Struct:
    def __init__(self, name, message):
        self.name = name
        self.message = message
        self.fields = []
        self.versions = None  # the hull of the versions in which something refers to it

    @property
    def cpp_name(self):
        return self.message.name if self.name is None else '%s::%s' % (self.message.name, self.name)

    def plain(self):
        return [f for f in self.fields if not f.is_tagged]

    def tagged(self):
        return sorted((f for f in self.fields if f.is_tagged), key=lambda f: f.tag)

    def size_min(self, version):
        size = sum(f.size_min(version) for f in self.plain() if contains(f.versions, version))
        return size + (1 if contains(self.message.flexible, version) else 0)


class Message:
    """`kind` is request, response, header, data, metadata, coordinator-key or coordinator-value."""

    def __init__(self, name, kind, group, path, key, versions, flexible, body, unstable=False):
        self.name, self.kind, self.group, self.path, self.key = name, kind, group, path, key
        self.versions, self.unstable = versions, unstable
        self.flexible = meet(flexible, versions)
        self.structs = []  # inner ones, each after those it uses
        self._common = {s['name']: s for s in body.get('structs', [])}
        self._by_name = {}
        self.root = Struct(None, self)
        self._fill(self.root, body['fields'], versions)
        self._visit(self.root, versions)

    def _fill(self, struct, fields, versions):
        struct.fields = [f for f in (Field(d, struct) for d in fields) if meet(f.declared, versions)]
        inner = {d['name']: d for d in fields}
        for f in struct.fields:
            if f.is_struct:
                f.struct = self._struct(f.type, inner[f.name].get('fields'), meet(f.declared, versions))

    def _struct(self, name, fields, versions):
        if name not in self._by_name:
            struct = self._by_name[name] = Struct(name, self)
            self._fill(struct, fields or self._common[name]['fields'], versions if fields else self.versions)
            self.structs.append(struct)
        return self._by_name[name]

    def _visit(self, struct, versions):
        """Narrows each struct and field to the versions that can reach it."""
        old = struct.versions
        struct.versions = versions if old is None else (min(old[0], versions[0]), max(old[1], versions[1]))
        for f in struct.fields:
            f.versions = meet(f.declared, struct.versions)
            f.null = meet(f.null_declared, self.versions)
            if f.struct and f.versions:
                self._visit(f.struct, f.versions)

    @property
    def first_flexible(self):
        return self.flexible[0] if self.flexible else None


class Api:
    def __init__(self, data):
        self.name, self.key, self.listeners = data['api'], data['key'], data['listeners']
        self.versions = span(data['versions'])
        self.flexible = meet(span(data.get('flexible', 'none')), self.versions)
        self.unstable = data.get('latest_version_unstable', False)


class Schemas:
    def __init__(self, root):
        self.apis, self.messages = [], []
        for directory, folders, files in os.walk(root):
            folders.sort()
            for file in sorted(files):
                if file.endswith('.json'):
                    self._load(root, os.path.join(directory, file))
        self.apis.sort(key=lambda a: a.key)

    def _load(self, root, path):
        with open(path, encoding='utf-8') as f:
            data = json.load(f)
        relative = os.path.relpath(path, root)
        group = os.path.dirname(relative)
        versions, flexible = span(data['versions']), span(data.get('flexible', 'none'))

        def add(name, kind, key, versions, flexible, body, unstable=False):
            self.messages.append(Message(name, kind, group, relative, key, versions, flexible, body, unstable))

        if 'api' in data:
            api = Api(data)
            self.apis.append(api)
            if versions:
                add(api.name + 'Request', 'request', api.key, versions, flexible, data['request'], api.unstable)
                add(api.name + 'Response', 'response', api.key, versions, flexible, data['response'], api.unstable)
        elif 'record' in data:
            add(data['record'] + 'Key', 'coordinator-key', data['record_type'], (0, 0), None, data['key'])
            add(data['record'] + 'Value', 'coordinator-value', data['record_type'], versions, flexible, data['value'])
        else:
            kind = 'metadata' if 'record_type' in data else 'header' if data['message'].endswith('Header') else 'data'
            add(data['message'], kind, data.get('record_type'), versions, flexible, data)
