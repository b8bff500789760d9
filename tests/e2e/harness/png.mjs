// PNG files: the texts in one, and one with texts.

const table = Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
const crc = (bytes) => ~bytes.reduce((value, byte) => table[(value ^ byte) & 255] ^ (value >>> 8), ~0) >>> 0;

/** `[type, data]` of every chunk. */
export function chunks(file) {
  const found = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    found.push([file.toString('latin1', at + 4, at + 8), file.subarray(at + 8, at + 8 + length)]);
    at += 12 + length;
  }
  return found;
}

/** The texts of Latin-1 chunks, by keyword. */
export function texts(file) {
  const plain = chunks(file).filter(([type]) => type === 'tEXt').map(([, data]) => data.toString('latin1').split('\0'));
  return Object.fromEntries(plain);
}

/** The same picture with a text in it. */
export function withText(file, keyword, text) {
  const data = Buffer.from(`tEXt${keyword}\0${text}`, 'latin1');
  const chunk = Buffer.alloc(data.length + 8);
  chunk.writeUInt32BE(data.length - 4, 0);
  data.copy(chunk, 4);
  chunk.writeUInt32BE(crc(data), data.length + 4);
  // Behind the header, which is 8 + 25 bytes long.
  return Buffer.concat([file.subarray(0, 33), chunk, file.subarray(33)]);
}
