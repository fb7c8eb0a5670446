"""C++ spellings shared by the emitters."""
from naming import snake

TYPES = {'bool': 'bool', 'int8': 'int8_t', 'int16': 'int16_t', 'uint16': 'uint16_t', 'int32': 'int32_t',
         'uint32': 'uint32_t', 'int64': 'int64_t', 'float64': 'double', 'uuid': 'Uuid', 'string': 'std::string_view',
         'bytes': 'ByteView', 'records': 'Records'}
METHODS = {'bool': 'boolean'}
LIMITS = {-2**31: 'INT32_MIN', -2**63: 'INT64_MIN', 2**63 - 1: 'INT64_MAX', 2**31 - 1: 'INT32_MAX'}
KEYWORDS = {'operator', 'default', 'register', 'namespace', 'new', 'delete', 'this', 'class', 'union', 'export',
            'private'}


def member(field):
    name = snake(field.name)
    return name + '_' if name in KEYWORDS else name


def element_type(field):
    return TYPES.get(field.type, field.type)


def member_type(field):
    t = element_type(field)
    if field.is_array:
        t = 'std::vector<%s>' % t
    return 'std::optional<%s>' % t if field.is_optional else t


def literal(field):
    """The default of a number, bool or string field."""
    d = field.default
    if field.type == 'bool':
        return 'true' if d else 'false'
    if field.type == 'string':
        return '"%s"' % (d or '')
    if field.type == 'float64':
        return repr(float(d or 0))
    d = d or 0
    return LIMITS.get(d, str(d))


def initializer(field):
    """What follows the member's name in its declaration."""
    if field.is_optional:
        return '' if field.default_is_null else ' = %s{}' % (member_type(field)[len('std::optional<'):-1])
    if field.is_array or field.is_struct or field.type in ('uuid', 'bytes', 'records'):
        return ''
    if field.type == 'string':
        return ' = ' + literal(field) if field.default else ''
    return ' = ' + literal(field)


def differs(field, value):
    """An expression that is true when `value` is not the field's default."""
    if field.is_optional:
        if field.default_is_null:
            return '%s.has_value()' % value
        if field.is_struct and not field.is_array:
            return '(!%s || !is_default(*%s))' % (value, value)
        return '(!%s || !%s->empty())' % (value, value)
    if field.is_array or field.type == 'bytes':
        return '!%s.empty()' % value
    if field.is_struct:
        return '!is_default(%s)' % value
    if field.type == 'uuid':
        return '!%s.is_zero()' % value
    if field.type == 'records':
        return '%s.size() != 0' % value
    if field.type == 'bool':
        return '!' + value if field.default else value
    if field.type == 'string' and not field.default:
        return '!%s.empty()' % value
    return '%s != %s' % (value, literal(field))


def condition(versions, context):
    """The test that `version`, known to lie in `context`, lies in `versions`: 'true', 'false' or an expression."""
    if versions is None or versions[0] > context[1] or versions[1] < context[0]:
        return 'false'
    tests = []
    if versions[0] == versions[1] and context != versions:
        return 'version == %d' % versions[0]
    if versions[0] > context[0]:
        tests.append('version >= %d' % versions[0])
    if versions[1] < context[1]:
        tests.append('version <= %d' % versions[1])
    return ' && '.join(tests) or 'true'
