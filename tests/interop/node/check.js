// KafkaJS against a broker: node check.js BOOTSTRAP PREFIX. Prints `check NAME ok` or `check NAME failed: REASON`.
const assert = require('node:assert');
const { CompressionTypes, Kafka, PartitionAssigners, logLevel } = require('kafkajs');
const { register } = require('./codecs');
const corpus = require('./corpus');

const [bootstrap, prefix] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR, retry: { initialRetryTime: 50 } });
const admin = kafka.admin();

async function until(what, condition) {
  for (const end = Date.now() + 60000; Date.now() < end;) {
    if (await condition()) return;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  throw new Error(`never happened: ${what}`);
}

async function createTopic(name, numPartitions) {
  const topic = prefix + name;
  await admin.createTopics({
    topics: [{ topic, numPartitions, configEntries: [{ name: 'retention.ms', value: '-1' }] }],
  });
  return topic;
}

async function startConsumer(topic, groupId, read, settings = {}) {
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 100, sessionTimeout: 6000, maxWaitTimeInMs: 50, ...settings });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ eachMessage: async ({ partition, message }) => { read.push({ partition, message }); } });
  return consumer;
}

async function checkCorpus(codec, idempotent) {
  const topic = await createTopic(`corpus-${codec}-${idempotent}`, corpus.PARTITIONS);
  const producer = kafka.producer({ idempotent, maxInFlightRequests: idempotent ? 1 : undefined });
  await producer.connect();
  const messages = corpus.records();
  await producer.send({ topic, messages: messages.slice(0, 100), acks: -1, compression: CompressionTypes[codec] });
  await producer.send({ topic, messages: messages.slice(100), acks: -1, compression: CompressionTypes[codec] });
  await producer.disconnect();
  const read = [];
  const consumer = await startConsumer(topic, topic, read);
  await until('reading the corpus', () => read.length >= corpus.COUNT);
  await consumer.disconnect();
  corpus.verify(read);
}

async function checkRebalances() {
  const topic = await createTopic('rebalances', 4);
  const members = [];
  const owned = new Map();
  const join = async (name) => {
    const consumer = kafka.consumer({
      groupId: topic,
      heartbeatInterval: 100,
      sessionTimeout: 6000,
      maxWaitTimeInMs: 50,
      partitionAssigners: [PartitionAssigners.roundRobin],
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => owned.set(name, payload.memberAssignment[topic] || []));
    await consumer.connect();
    await consumer.subscribe({ topics: [topic] });
    await consumer.run({ eachMessage: async () => {} });
    members.push(consumer);
  };
  const balanced = () => [...owned.values()].flat().sort().join() === '0,1,2,3'
    && [...owned.values()].every((partitions) => partitions.length === 4 / owned.size);
  await join('first');
  await until('one member owns all', balanced);
  await join('second');
  await until('two members share', () => owned.size === 2 && balanced());
  const described = await admin.describeGroups([topic]);
  assert.strictEqual(described.groups[0].state, 'Stable');
  assert.strictEqual(described.groups[0].members.length, 2);
  await members[0].disconnect();
  owned.delete('first');
  await until('the one that stays owns all', balanced);
  await members[1].disconnect();
}

async function checkResume() {
  const topic = await createTopic('resume', 1);
  const producer = kafka.producer();
  await producer.connect();
  const send = (values) => producer.send({ topic, messages: values.map((value) => ({ value })) });
  for (const values of [['a', 'b'], ['c']]) {
    await send(values);
    const read = [];
    const consumer = await startConsumer(topic, topic, read);
    await until('reading', () => read.length >= values.length);
    await consumer.disconnect();
    assert.deepStrictEqual(read.map((one) => one.message.value.toString()), values);
  }
  await producer.disconnect();
  const offsets = await admin.fetchOffsets({ groupId: topic, topics: [topic] });
  assert.strictEqual(offsets[0].partitions[0].offset, '3');
}

async function checkTopics() {
  const topic = await createTopic('topics', 2);
  assert.strictEqual(await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] }), false, 'it exists');
  await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
  const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
  assert.deepStrictEqual(metadata.topics[0].partitions.map((one) => one.partitionId).sort(), [0, 1, 2]);
  const cluster = await admin.describeCluster();
  assert.deepStrictEqual(cluster.brokers.map((one) => `${one.host}:${one.port}`), [bootstrap]);
  await admin.deleteTopics({ topics: [topic] });
  assert.ok(!(await admin.listTopics()).includes(topic), 'deleted');
}

async function checkConfigs() {
  const topic = await createTopic('configs', 1);
  const resource = { type: 2, name: topic };
  await admin.alterConfigs({
    validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'max.message.bytes', value: '4321' }] }],
  });
  const described = await admin.describeConfigs({ resources: [{ ...resource, configNames: ['max.message.bytes'] }] });
  assert.strictEqual(described.resources[0].configEntries[0].configValue, '4321');
}

async function checkOffsets() {
  const topic = await createTopic('offsets', 3);
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: corpus.records(), compression: CompressionTypes.GZIP });
  await producer.disconnect();
  const offsets = await admin.fetchTopicOffsets(topic);
  assert.deepStrictEqual(offsets.map((one) => [one.low, one.high]), [['0', '100'], ['0', '100'], ['0', '100']]);
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, corpus.FIRST_TIMESTAMP + 31000);
  assert.deepStrictEqual(found.sort((a, b) => a.partition - b.partition).map((one) => one.offset), ['11', '10', '10']);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '40' }] });
  const left = await admin.fetchTopicOffsets(topic);
  assert.strictEqual(left.find((one) => one.partition === 0).low, '40');
}

async function checkGroups() {
  const topic = await createTopic('groups', 1);
  await admin.setOffsets({ groupId: topic, topic, partitions: [{ partition: 0, offset: '0' }] });
  assert.ok((await admin.listGroups()).groups.some((one) => one.groupId === topic), 'listed');
  await admin.deleteGroups([topic]);
  assert.ok(!(await admin.listGroups()).groups.some((one) => one.groupId === topic), 'deleted');
}

async function main() {
  await register();
  await admin.connect();
  const checks = {};
  for (const codec of ['None', 'GZIP', 'Snappy', 'LZ4', 'ZSTD']) checks[`corpus_${codec}`] = () => checkCorpus(codec, false);
  checks.corpus_idempotent = () => checkCorpus('None', true);
  Object.assign(checks, {
    rebalances: checkRebalances, resume: checkResume, topics: checkTopics, configs: checkConfigs, offsets: checkOffsets,
    groups: checkGroups,
  });
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`check ${name} ok`);
    } catch (error) {
      console.log(`check ${name} failed: ${String(error).replaceAll('\n', ' ')}`);
      console.error(error);
    }
  }
  await admin.disconnect();
  process.exit(0);
}

main();
