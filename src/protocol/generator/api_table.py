"""The table behind protocol/api_key.h."""


def row(api):
    low, high = api.versions or (1, 0)
    flexible = 'INT16_MAX' if api.flexible is None else str(api.flexible[0])
    listeners = ' | '.join('k%sListener' % name.capitalize() for name in api.listeners) or '0'
    return '    {ApiKey::k%s, "%s", %d, %d, %d, %s, %s},' % (
        api.name, api.name, low, high, high - int(api.unstable), flexible, listeners)


def api_table(schemas):
    first = schemas.apis[0].key
    assert [a.key for a in schemas.apis] == list(range(first, first + len(schemas.apis))), 'API keys have a gap'
    lines = ['// Generated from src/protocol/schemas/clients.', '#include "protocol/api_key.h"', '',
             'namespace weir::protocol {', 'namespace {', '', 'constexpr ApiInfo kApis[] = {']
    lines += [row(a) for a in schemas.apis]
    lines += ['};', '', '}  // namespace', '',
              'std::span<const ApiInfo> all_apis() { return kApis; }', '',
              'const ApiInfo* find_api(int16_t key) {',
              '  if (key < %d || key > %d) return nullptr;' % (first, schemas.apis[-1].key),
              '  return &kApis[key - %d];' % first,
              '}', '', '}  // namespace weir::protocol', '']
    return '\n'.join(lines)
