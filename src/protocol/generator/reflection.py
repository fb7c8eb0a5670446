"""Tables that describe the messages to code that walks them field by field (protocol/reflection.h)."""
from cpp import member, member_type
from headers import header_path

FIELD_TYPES = {'bool': 'kBool', 'int8': 'kInt8', 'int16': 'kInt16', 'uint16': 'kUint16', 'int32': 'kInt32',
               'uint32': 'kUint32', 'int64': 'kInt64', 'float64': 'kFloat64', 'uuid': 'kUuid', 'string': 'kString',
               'bytes': 'kBytes', 'records': 'kRecords'}
KINDS = {'request': 'kRequest', 'response': 'kResponse', 'header': 'kHeader', 'data': 'kData', 'metadata': 'kRecord',
         'coordinator-key': 'kKey', 'coordinator-value': 'kValue'}


def versions(v):
    return '{%d, %d}' % (v or (1, 0))


def table_name(struct):
    return struct.message.name + (struct.name or '')


def qualified_type(field):
    t = member_type(field)
    return t.replace(field.type, '%s::%s' % (field.owner.message.name, field.type)) if field.struct else t


def field_row(field):
    struct = '&k%s' % table_name(field.struct) if field.struct else 'nullptr'
    return '    {"%s", FieldType::%s, %s, %s, %d, %s, %s, offsetof(%s, %s), container<%s>(), %s},' % (
        field.name[0].lower() + field.name[1:], FIELD_TYPES.get(field.type, 'kStruct'),
        'true' if field.is_array else 'false', 'true' if field.is_optional else 'false',
        -1 if field.tag is None else field.tag, versions(field.versions), versions(field.null),
        field.owner.cpp_name, member(field), qualified_type(field), struct)


def struct_table(struct):
    name = table_name(struct)
    fields = struct.fields
    lines = []
    if fields:
        lines += ['constexpr FieldInfo k%sFields[] = {' % name] + [field_row(f) for f in fields] + ['};']
    lines += ['constexpr StructInfo k%s = {"%s", %s, &default_of<%s>};' % (
        name, struct.name or name, 'k%sFields' % name if fields else '{}', struct.cpp_name), '']
    return lines


def message_table(message):
    lines = ['namespace {', '']
    for struct in [*message.structs, message.root]:
        lines += struct_table(struct)
    lines += ['}  // namespace', '',
              'extern const MessageInfo k%sInfo;' % message.name,
              'const MessageInfo k%sInfo = describe<%s>(MessageKind::%s, "%s", %d, k%s);' % (
                  message.name, message.name, KINDS[message.kind], message.group,
                  -1 if message.key is None else message.key, message.name), '']
    return lines


def reflection_part(messages):
    lines = ['// Generated from src/protocol/schemas: tables of some of the messages.', '#include <cstddef>', '']
    lines += ['#include "%s"' % header_path(m) for m in messages]
    lines += ['#include "protocol/json/reflection_build.h"', '',
              '// The structs have members of class types, for which clang defines offsetof all the same.',
              '#pragma clang diagnostic ignored "-Winvalid-offsetof"', '',
              'namespace weir::protocol {', '']
    for message in messages:
        lines += message_table(message)
    return '\n'.join(lines + ['}  // namespace weir::protocol', ''])


def reflection_index(messages):
    names = sorted(m.name for m in messages)
    lines = ['// Generated from src/protocol/schemas: all messages, by name.',
             '#include "protocol/json/reflection.h"', '', 'namespace weir::protocol {', '']
    lines += ['extern const MessageInfo k%sInfo;' % n for n in names]
    lines += ['', 'std::span<const MessageInfo* const> all_messages() {',
              '  static const MessageInfo* const kAll[] = {']
    lines += ['      &k%sInfo,' % n for n in names]
    lines += ['  };', '  return kAll;', '}', '', '}  // namespace weir::protocol', '']
    return '\n'.join(lines)
