// KafkaJS brings gzip only; the other codecs are made of packages in plain JavaScript.
const { CompressionCodecs, CompressionTypes } = require('kafkajs');
const snappy = require('snappyjs');
const lz4 = require('lz4js');
const xxh32 = require('lz4js/xxh32.js');
const zstd = require('@bokuweb/zstd-wasm');

const XERIAL = Buffer.from([130, 83, 78, 65, 80, 80, 89, 0]);

// Java's snappy stream: a magic and two versions, then blocks with a length each. Other clients send one bare block.
function readSnappy(buffer) {
  if (!buffer.subarray(0, 8).equals(XERIAL)) return Buffer.from(snappy.uncompress(buffer));
  const blocks = [];
  for (let at = 16; at < buffer.length;) {
    const length = buffer.readInt32BE(at);
    blocks.push(Buffer.from(snappy.uncompress(buffer.subarray(at + 4, at + 4 + length))));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

function writeSnappy(buffer) {
  const block = Buffer.from(snappy.compress(buffer));
  const head = Buffer.alloc(20);
  XERIAL.copy(head);
  head.writeInt32BE(1, 8);
  head.writeInt32BE(1, 12);
  head.writeInt32BE(block.length, 16);
  return Buffer.concat([head, block]);
}

// Kafka takes only frames that say that their blocks are independent; a frame of one block may say so.
function writeLz4(buffer) {
  const frame = Buffer.from(lz4.compress(buffer));
  frame[4] |= 0x20;
  frame[6] = (xxh32.hash(0, frame, 4, 2) >> 8) & 0xff;
  return frame;
}

async function register() {
  await zstd.init();
  const codec = (compress, decompress) => () => ({
    compress: async (encoder) => Buffer.from(compress(encoder.buffer)),
    decompress: async (buffer) => Buffer.from(decompress(buffer)),
  });
  CompressionCodecs[CompressionTypes.Snappy] = codec(writeSnappy, readSnappy);
  CompressionCodecs[CompressionTypes.LZ4] = codec(writeLz4, lz4.decompress);
  CompressionCodecs[CompressionTypes.ZSTD] = codec(zstd.compress, zstd.decompress);
}

module.exports = { register };
