"""One header per message: a plain struct with its inner structs and its two functions."""
from cpp import initializer, member, member_type
from naming import snake

KINDS = {'request': 'request of API %s', 'response': 'response of API %s', 'metadata': 'record of type %s',
         'coordinator-key': 'key of record type %s', 'coordinator-value': 'value of record type %s'}


def versions_text(versions):
    return '%d' % versions[0] if versions[0] == versions[1] else '%d-%d' % versions


def field_line(field, indent):
    notes = []
    if field.declared != field.owner.message.versions and field.declared != (0, 32767):
        low, high = field.declared
        notes.append('v%d+' % low if high == 32767 else 'v%d-%d' % (low, high) if low != high else 'v%d' % low)
    if field.is_tagged:
        notes.append('tag %d' % field.tag)
    line = '%s%s %s%s;' % (indent, member_type(field), member(field), initializer(field))
    return line + ('  // ' + ', '.join(notes) if notes else '')


def constants(message):
    lines = ['  static constexpr std::string_view kName = "%s";' % message.name]
    if message.kind in ('request', 'response'):
        api = message.name.removesuffix('Request').removesuffix('Response')
        lines.append('  static constexpr ApiKey kApiKey = ApiKey::k%s;' % api)
        other = 'Response' if message.kind == 'request' else 'Request'
        lines.append('  using %s = protocol::%s%s;' % (other, api, other))
    elif message.key is not None:
        lines.append('  static constexpr int16_t kRecordType = %d;' % message.key)
    lines.append('  static constexpr int16_t kMinVersion = %d;' % message.versions[0])
    lines.append('  static constexpr int16_t kMaxVersion = %d;' % message.versions[1])
    if message.kind == 'request':
        stable = message.versions[1] - int(message.unstable)
        lines.append('  static constexpr int16_t kMaxStableVersion = %d;' % stable)
    first = 'kNeverFlexible' if message.first_flexible is None else '%d' % message.first_flexible
    lines.append('  static constexpr int16_t kFirstFlexibleVersion = %s;' % first)
    return lines


def parts(message):
    return snake(message.name) + '_parts'


def inner_structs(message):
    """They stand before the message: inside an unfinished class an optional of one cannot see that it has defaults."""
    if not message.structs:
        return []
    lines = ['namespace %s {' % parts(message), '']
    for struct in message.structs:
        lines += ['struct %s {' % struct.name] + [field_line(f, '  ') for f in struct.fields] + ['};', '']
    return lines + ['}  // namespace %s' % parts(message), '']


def header(message):
    kind = KINDS.get(message.kind, message.kind)
    kind = kind % message.key if '%' in kind else kind
    lines = ['// %s: %s, versions %s. Generated from src/protocol/schemas/%s.'
             % (message.name, kind, versions_text(message.versions), message.path),
             '#pragma once', '', '#include "protocol/message.h"', '', 'namespace weir::protocol {', '']
    if message.kind in ('request', 'response'):
        other = message.name.removesuffix('Request').removesuffix('Response')
        lines += ['struct %s;' % (other + ('Response' if message.kind == 'request' else 'Request')), '']
    lines += inner_structs(message)
    lines.append('struct %s {' % message.name)
    lines += constants(message)
    lines += ['  using %s = %s::%s;' % (s.name, parts(message), s.name) for s in message.structs] + ['']
    if message.root.fields:
        lines += [field_line(f, '  ') for f in message.root.fields] + ['']
    lines += ['  Result<void> decode(Reader& in, int16_t version);',
              '  Result<void> encode(Writer& out, int16_t version) const;',
              '};', '', '}  // namespace weir::protocol', '']
    return '\n'.join(lines)


def header_path(message):
    return 'protocol/messages/%s.h' % snake(message.name)
