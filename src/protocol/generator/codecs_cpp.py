"""The functions that decode and encode: for each struct a read() and a write() in straight-line code."""
import re

from cpp import METHODS, condition, differs, element_type, member


class Body:
    """Lines of a function body, with their indentation."""

    def __init__(self):
        self.lines, self.depth = [], 1

    def add(self, line):
        self.lines.append('  ' * self.depth + line)

    def open(self, line):
        self.add(line)
        self.depth += 1

    def close(self, line='}'):
        self.depth -= 1
        self.add(line)


class Codec:
    def __init__(self, struct):
        self.struct = struct
        self.context = struct.versions
        self.message = struct.message

    def flexible(self, field=None):
        if field is not None and field.never_flexible:
            return 'false'
        test = condition(self.message.flexible, self.context)
        return test if test in ('true', 'false') else 'flexible'

    def declare_flexible(self, body):
        if self.flexible() == 'flexible' and any(self.needs_flexible(f) for f in self.struct.fields):
            body.add('const bool flexible = %s;' % condition(self.message.flexible, self.context))

    def needs_flexible(self, field):
        return not field.is_tagged and field.versions is not None and (
            field.is_array or field.type in ('string', 'bytes', 'records')) or self.flexible() == 'flexible'

    def null_test(self, field):
        return condition(field.null, self.context)

    # -- decoding

    def read_value(self, field):
        """The expression that reads one element of a type that is not a struct."""
        if field.type in ('string', 'bytes', 'records'):
            return 'in.%s(%s)' % (field.type, self.flexible(field))
        return 'in.%s()' % METHODS.get(field.type, field.type)

    def element_size_min(self, field):
        """An expression for the fewest bytes of an element, which bounds what a count makes us allocate."""
        last = min(field.versions[1], self.context[1], self.message.versions[1])
        sizes = [(v, max(1, field.element_size_min(v))) for v in range(field.versions[0], last + 1)]
        text = str(sizes[0][1])
        for (_, before), (version, size) in zip(sizes, sizes[1:]):
            if size != before:
                text = 'version >= %d ? %d : %s' % (version, size, text)
        return text

    def read_elements(self, body, field, elements):
        if field.is_struct:
            body.open('for (auto& element : %s) {' % elements)
            body.add('read(in, version, element);')
            body.add('if (in.failed()) return;')
            body.close()
        else:
            body.add('for (auto& element : %s) element = %s;' % (elements, self.read_value(field)))

    def read_field(self, body, field):
        to = 'value.' + member(field)
        flexible = self.flexible(field)
        if field.is_array:
            size = self.element_size_min(field)
            if not field.is_optional:
                body.add('%s.resize(in.array(%s, %s));' % (to, flexible, size))
                return self.read_elements(body, field, to)
            body.open('if (auto count = in.nullable_array(%s, %s, %s)) {' % (flexible, size, self.null_test(field)))
            body.add('%s.emplace(*count);' % to)
            self.read_elements(body, field, '*' + to)
            body.close('} else {')
            body.add('  %s.reset();' % to)
            body.add('}')
        elif field.is_struct and field.is_optional:
            tagged = 'true' if field.is_tagged else 'false'
            body.open('if (in.struct_present(%s, %s)) {' % (tagged, self.null_test(field)))
            body.add('read(in, version, %s.emplace());' % to)
            body.close('} else {')
            body.add('  %s.reset();' % to)
            body.add('}')
        elif field.is_struct:
            body.add('read(in, version, %s);' % to)
        elif field.is_optional:
            body.add('%s = in.nullable_%s(%s, %s);' % (to, field.type, flexible, self.null_test(field)))
        else:
            body.add('%s = %s;' % (to, self.read_value(field)))

    def guarded(self, body, test, emit, otherwise=None):
        """emit() under `test`, and otherwise() where it is false."""
        if test == 'true':
            return emit()
        if test == 'false':
            return otherwise() if otherwise else None
        body.open('if (%s) {' % test)
        emit()
        if otherwise:
            body.close('} else {')
            body.depth += 1
            otherwise()
        body.close()

    def read_tags(self, body):
        tagged = [f for f in self.struct.tagged() if f.versions]
        if not tagged:
            return body.add('in.skip_tags();')
        body.open('for (uint32_t n = in.tag_count(); n > 0 && !in.failed(); --n) {')
        body.add('Reader::Tag tag = in.begin_tag();')
        for i, field in enumerate(tagged):
            test = condition(field.versions, self.context)
            test = 'tag.number == %d' % field.tag + ('' if test == 'true' else ' && ' + test)
            body.open('%sif (%s) {' % ('} else ' if i else '', test))
            self.read_field(body, field)
            body.depth -= 1
        body.add('} else {')
        body.add('  in.skip_rest();')
        body.add('}')
        body.add('in.end_tag(tag);')
        body.close()

    def read(self):
        body = Body()
        self.declare_flexible(body)
        for field in self.struct.plain():
            if field.versions:
                self.guarded(body, condition(field.versions, self.context), lambda: self.read_field(body, field))
        self.guarded(body, self.flexible(), lambda: self.read_tags(body))
        return self.function('void read(Reader& in, int16_t version, %s& value)', body)

    # -- encoding

    def write_value(self, field, value):
        if field.is_struct:
            return 'write(out, version, %s);' % value
        if field.type in ('string', 'bytes', 'records'):
            return 'out.%s(%s, %s);' % (field.type, value, self.flexible(field))
        return 'out.%s(%s);' % (METHODS.get(field.type, field.type), value)

    def write_elements(self, body, field, elements, dot):
        body.add('out.array(%s%ssize(), %s);' % (elements, dot, self.flexible(field)))
        each = elements if dot == '.' else '*' + elements
        reference = 'const auto& ' if field.is_struct else 'auto '
        body.add('for (%selement : %s) %s' % (reference, each, self.write_value(field, 'element')))

    def write_field(self, body, field):
        value = 'value.' + member(field)
        null, flexible = self.null_test(field), self.flexible(field)
        if field.is_optional and field.is_array:
            body.open('if (%s) {' % value)
            self.write_elements(body, field, value, '->')
            body.close('} else {')
            body.add('  out.null_array(%s, %s, "%s");' % (flexible, null, field.name))
            body.add('}')
        elif field.is_array:
            self.write_elements(body, field, value, '.')
        elif field.is_optional and field.is_struct:
            tagged = 'true' if field.is_tagged else 'false'
            body.add('out.struct_present(%s.has_value(), %s, %s, "%s");' % (value, tagged, null, field.name))
            body.add('if (%s) write(out, version, *%s);' % (value, value))
        elif field.is_optional:
            body.add('out.nullable_%s(%s, %s, %s, "%s");' % (field.type, value, flexible, null, field.name))
        else:
            body.add(self.write_value(field, value))

    def reject(self, body, field):
        """A value that the version cannot carry must not vanish, unless the schema says that it may."""
        if not field.ignorable:
            body.add('if (%s) out.fail_unsupported("%s");' % (differs(field, 'value.' + member(field)), field.name))

    def write_plain(self, body, field):
        test = condition(field.versions, self.context)
        otherwise = None if field.ignorable else lambda: self.reject(body, field)
        self.guarded(body, test, lambda: self.write_field(body, field), otherwise)

    def write_tags(self, body):
        tagged = [f for f in self.struct.tagged() if f.versions]
        for f in tagged:
            test = condition(f.versions, self.context)
            test = test if self.flexible() == 'true' else condition(f.versions, self.message.flexible)
            test = '' if test == 'true' else test + ' && '
            body.add('const bool has_%s = %s%s;' % (member(f), test, differs(f, 'value.' + member(f))))
        count = ' + '.join('(has_%s ? 1U : 0U)' % member(f) for f in tagged)
        body.add('out.unsigned_varint(%s);' % (count or '0'))
        for f in tagged:
            body.open('if (has_%s) {' % member(f))
            body.add('const size_t tag = out.begin_tag(%d);' % f.tag)
            self.write_field(body, f)
            body.add('out.end_tag(tag);')
            body.close()

    def write(self):
        body = Body()
        self.declare_flexible(body)
        for field in self.struct.plain():
            self.write_plain(body, field)
        for field in self.struct.tagged():
            test = condition(field.versions, self.context)
            if test != 'true' and not field.ignorable:
                if test == 'false':
                    self.reject(body, field)
                else:
                    body.open('if (!(%s)) {' % test)
                    self.reject(body, field)
                    body.close()
        self.guarded(body, self.flexible(), lambda: self.write_tags(body))
        return self.function('void write(Writer& out, int16_t version, const %s& value)', body)

    def is_default(self):
        tests = [differs(f, 'value.' + member(f)) for f in self.struct.fields]
        text = ' || '.join(tests) or 'false'
        head = 'bool is_default([[maybe_unused]] const %s& value) {' % self.struct.cpp_name
        return [head, '  return !(%s);' % text, '}', '']

    def function(self, signature, body):
        text = '\n'.join(body.lines)
        head = signature % self.struct.cpp_name
        for name, type_name in (('version', 'int16_t'), ('value', self.struct.cpp_name + '&')):
            if not _uses(text, name):
                head = head.replace('const ' + type_name, '[[maybe_unused]] const ' + type_name) if (
                    'const ' + type_name in head) else head.replace(type_name, '[[maybe_unused]] ' + type_name)
        if not body.lines:
            head = head.replace('Reader&', '[[maybe_unused]] Reader&').replace('Writer&', '[[maybe_unused]] Writer&')
        return [head + ' {'] + body.lines + ['}', '']


def _uses(text, name):
    return re.search(r'(?<!\.)\b%s\b' % name, text) is not None


def needs_is_default(message):
    """The structs that some field of struct type compares with its default, each after those it uses."""
    wanted = set()
    for struct in reversed([*message.structs, message.root]):
        compared = struct in wanted
        for f in struct.fields:
            if f.struct and not f.is_array and not (f.is_optional and f.default_is_null) and (
                    f.is_tagged or compared or not f.ignorable and condition(f.versions, struct.versions) != 'true'):
                wanted.add(f.struct)
    return [s for s in message.structs if s in wanted]


def codec(message):
    lines = ['// ' + message.name, 'namespace {', '']
    for struct in needs_is_default(message):
        lines += Codec(struct).is_default()
    for struct in [*message.structs, message.root]:
        if struct.versions:
            lines += Codec(struct).read() + Codec(struct).write()
    name = message.name
    lines += ['}  // namespace', '',
              'Result<void> %s::decode(Reader& in, int16_t at_version) {' % name,
              '  TRY(check_version(kName, at_version, kMinVersion, kMaxVersion));',
              '  *this = {};', '  read(in, at_version, *this);', '  return in.status(kName, at_version);', '}', '',
              'Result<void> %s::encode(Writer& out, int16_t at_version) const {' % name,
              '  TRY(check_version(kName, at_version, kMinVersion, kMaxVersion));',
              '  write(out, at_version, *this);', '  return out.status(kName, at_version);', '}', '']
    return lines
