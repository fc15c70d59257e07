//! A decoder of XOR chunks for tests. It shares nothing with the encoder: it reads bit by bit.

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn bit(&mut self) -> bool {
        let bit = self.data[self.at / 8] >> (7 - self.at % 8) & 1;
        self.at += 1;
        bit == 1
    }

    fn bits(&mut self, count: usize) -> u64 {
        (0..count).fold(0, |bits, _| bits * 2 + u64::from(self.bit()))
    }

    fn varint(&mut self) -> u64 {
        let mut value = 0_u64;
        for group in 0.. {
            let byte = self.bits(8);
            value |= (byte & 0x7f) << (7 * group);
            if byte < 0x80 {
                break;
            }
        }
        value
    }
}

/// The times and the bits of the values of a chunk, and the bits after them. Panics if the data is not a chunk.
pub fn decode(data: &[u8]) -> (Vec<(i64, u64)>, Vec<bool>) {
    let count = usize::from(data[0]) * 256 + usize::from(data[1]);
    let mut reader = Reader { data: &data[2..], at: 0 };
    let mut samples: Vec<(i64, u64)> = Vec::new();
    let (mut leading, mut width) = (0, 0);
    let mut step = 0_i64;
    for index in 0..count {
        let time = if index == 0 {
            let zigzag = reader.varint();
            let half = i64::try_from(zigzag / 2).unwrap();
            if zigzag.is_multiple_of(2) { half } else { -1 - half }
        } else if index == 1 {
            step = i64::try_from(reader.varint()).unwrap();
            samples[0].0 + step
        } else {
            let mut ones = 0;
            while ones < 4 && reader.bit() {
                ones += 1;
            }
            step += match ones {
                0 => 0,
                4 => reader.bits(64) as i64,
                ones => {
                    let size = [14, 17, 20][ones - 1];
                    let value = i64::try_from(reader.bits(size)).unwrap();
                    if value > 1 << (size - 1) { value - (1 << size) } else { value }
                }
            };
            samples[index - 1].0 + step
        };
        let value = if index == 0 {
            reader.bits(64)
        } else {
            let before = samples[index - 1].1;
            if !reader.bit() {
                before
            } else {
                if reader.bit() {
                    leading = reader.bits(5) as usize;
                    width = reader.bits(6) as usize;
                    if width == 0 {
                        width = 64;
                    }
                }
                before ^ (reader.bits(width) << (64 - leading - width))
            }
        };
        samples.push((time, value));
    }
    let rest = (reader.at..reader.data.len() * 8).map(|_| reader.bit()).collect();
    (samples, rest)
}
