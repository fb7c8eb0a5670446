// The records that every client writes and reads: the same rule as tests/interop/corpus.py.
const assert = require('node:assert');

const COUNT = 300;
const PARTITIONS = 3;
const FIRST_TIMESTAMP = 1700000000000;

function record(i) {
  let value = Buffer.from(`value-${i}-${'ab'.repeat(i % 40)}`);
  if (i % 11 === 5 && i % 7 !== 0) value = null;
  else if (i % 13 === 6) value = Buffer.alloc(0);
  return {
    partition: i % PARTITIONS,
    key: i % 7 === 0 ? null : Buffer.from(`schlüssel-${i}`),
    value,
    headers: i % 3 === 1 ? { trace: [`id-${i}`, 'again'], empty: '' } : {},
    timestamp: String(FIRST_TIMESTAMP + i * 1000),
  };
}

const records = () => Array.from({ length: COUNT }, (_, i) => record(i));

const text = (value) => (Array.isArray(value) ? value.map(String) : String(value));

function verify(read) {
  assert.strictEqual(read.length, COUNT, 'number of records');
  const partitions = Array.from({ length: PARTITIONS }, () => []);
  for (const one of read) partitions[one.partition].push(one.message);
  for (let i = 0; i < COUNT; ++i) {
    const want = record(i);
    const have = partitions[i % PARTITIONS][Math.floor(i / PARTITIONS)];
    assert.strictEqual(have.offset, String(Math.floor(i / PARTITIONS)), `offset of ${i}`);
    assert.deepStrictEqual(have.key, want.key, `key of ${i}`);
    assert.deepStrictEqual(have.value, want.value, `value of ${i}`);
    assert.strictEqual(have.timestamp, want.timestamp, `timestamp of ${i}`);
    const headers = Object.fromEntries(Object.entries(have.headers).map(([name, value]) => [name, text(value)]));
    assert.deepStrictEqual(headers, want.headers, `headers of ${i}`);
  }
}

module.exports = { COUNT, PARTITIONS, FIRST_TIMESTAMP, records, verify };
