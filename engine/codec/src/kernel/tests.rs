//! Every instruction set of this processor against the portable code, block by block.

use std::fmt::Debug;

use super::*;
use crate::pack::{mask, pack, packed_len};
use crate::pfor::{self, BLOCK, Block};
use crate::reader::Reader;

const COUNTS: [usize; 9] = [1, 3, 4, 7, 8, 9, 33, 127, BLOCK];
const PADDINGS: [usize; 4] = [0, 1, 31, 64];

/// Runs a check with every instruction set of this processor.
macro_rules! for_all_blocks {
    ($blocks:ident => $check:expr) => {
        for &kernel in Kernel::ALL {
            with_blocks!(kernel, $blocks => $check);
        }
    };
}

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators"
/// (2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Numbers of at most `width` bits, some of them with `more` bits on top.
    fn numbers(&mut self, count: usize, width: u32, more: u32) -> Vec<u64> {
        let one = |random: &mut Self| {
            let is_wide = random.next().is_multiple_of(11);
            random.next() & mask(if is_wide { (width + more).min(64) } else { width })
        };
        (0..count).map(|_| one(self)).collect()
    }
}

/// What `decode` writes into a room for `n` numbers.
fn written<T: Copy>(n: usize, decode: impl FnOnce(&mut Sink<'_, T>)) -> Vec<T> {
    let mut out = Vec::new();
    let done: Result<(), ()> = append(&mut out, n, |sink| {
        decode(sink);
        Ok(())
    });
    assert_eq!((done, out.len()), (Ok(()), n));
    out
}

/// Calls `each` with PFOR blocks of all widths and lengths, with and without patches and padding.
fn for_blocks(mut each: impl FnMut(&Block<'_>)) {
    let mut random = Random(7);
    for width in (0..=57).chain([64]) {
        for (count, more) in COUNTS.into_iter().flat_map(|count| [(count, 0), (count, 9)]) {
            let mut bytes = Vec::new();
            pfor::write(&random.numbers(count, width, more), &mut bytes);
            for padding in PADDINGS {
                let padded = [bytes.as_slice(), &vec![0xff; padding]].concat();
                let (mut reader, mut block) = (Reader::new(&padded), Block::default());
                block.read(&mut reader, count).unwrap();
                assert_eq!(reader.at(), bytes.len());
                each(&block);
            }
        }
    }
}

#[test]
fn packed_values_are_unpacked_the_same() {
    let mut random = Random(1);
    for width in (0..=57).chain([64]) {
        for (count, padding) in
            COUNTS.into_iter().flat_map(|n| PADDINGS.map(|padding| (n, padding)))
        {
            let numbers = random.numbers(count, width, 0);
            let mut bytes = Vec::new();
            pack(numbers.iter().copied(), width, &mut bytes);
            assert_eq!(bytes.len(), packed_len(width, count));
            bytes.resize(bytes.len() + padding, 0xff);
            let packed = crate::pack::Packed { bytes: &bytes, width, count };
            for_all_blocks!(blocks => {
                let unpacked = written(count, |out| blocks.unpack(packed, out));
                assert_eq!(unpacked, numbers, "{blocks:?} {width} {count} {padding}");
            });
        }
    }
}

#[test]
fn xors_are_the_same() {
    let mut random = Random(2);
    for width in (0..=57).chain([64]) {
        for shift in [0, 1, 7, 8, 33, 63].into_iter().filter(|shift| width + shift <= 64) {
            for count in [1, 4, 5, 8, 31, 32] {
                let mut bytes = Vec::new();
                pack(random.numbers(count, width, 0), width, &mut bytes);
                let packed = crate::pack::Packed { bytes: &bytes, width, count };
                let first = random.next();
                let run = |kernel: Kernel| {
                    let mut bits = first;
                    let values = with_blocks!(kernel, blocks => {
                        written(count, |out| blocks.xors(packed, shift, &mut bits, out))
                    });
                    (bits_of(&values), bits)
                };
                for &kernel in Kernel::ALL {
                    assert_eq!(run(kernel), run(Kernel::Scalar), "{kernel:?} {width} {count}");
                }
            }
        }
    }
}

fn bits_of(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn assert_same<T: PartialEq + Debug>(run: impl Fn(Kernel) -> T) {
    let expected = run(Kernel::Scalar);
    for &kernel in Kernel::ALL {
        assert_eq!(run(kernel), expected, "{kernel:?}");
    }
}

#[test]
fn integers_become_the_same_decimals() {
    let mut random = Random(3);
    let mut exact = 0;
    for_blocks(|block| {
        for is_delta in [false, true] {
            let exponent = (random.next() % 17) as u8;
            let base = random.next() as i64 >> (14 + random.next() % 50);
            let min = random.next() as i64 >> (12 + random.next() % 52);
            let scale = 1 + (random.next() >> (40 + random.next() % 24));
            let ints = Ints::new(&IntHeader { exponent, is_delta, base, scale, min });
            if !ints.are_exact(block) {
                continue;
            }
            exact += 1;
            assert_same(|kernel| {
                let mut ints = ints.clone();
                let values = with_blocks!(kernel, blocks => {
                    written(block.count(), |out| blocks.ints(block, &mut ints, out))
                });
                // Behind a block that is not full no kernel needs to know the last q.
                let is_full = block.count() == BLOCK;
                (bits_of(&values), if is_full { ints.q } else { 0 })
            });
        }
    });
    assert!(exact > 2000, "{exact}");
}

#[test]
fn ulps_are_added_the_same() {
    let mut random = Random(11);
    for_blocks(|block| {
        let min = random.next() as i64 >> (random.next() % 64);
        let values: Vec<f64> = (0..block.count()).map(|_| f64::from_bits(random.next())).collect();
        assert_same(|kernel| {
            let mut values = values.clone();
            with_blocks!(kernel, blocks => blocks.add_ulps(block, min, &mut values));
            bits_of(&values)
        });
    });
}

/// The kernels that divide by a multiplication and a correction, against true division.
#[test]
fn quotients_are_rounded_correctly() {
    let mut random = Random(4);
    for exponent in 0..=16 {
        let divisor = crate::values::power_of_ten(exponent);
        for round in 0..600u64 {
            let width = 1 + (random.next() % 50) as u32;
            let mut residuals = random.numbers(BLOCK, width, 0);
            if round % 3 == 0 {
                // Quotients next to powers of two, where the last place changes its size.
                let near = divisor * 2f64.powi((round / 3) as i32 % 51);
                let near = near.min(2f64.powi(50)) as u64;
                for u in &mut residuals {
                    *u = (near + *u % 65).saturating_sub(32);
                }
            }
            let min = if round % 2 == 0 { 0 } else { -((random.next() & mask(width)) as i64) };
            let mut bytes = Vec::new();
            pfor::write(&residuals, &mut bytes);
            let mut block = Block::default();
            block.read(&mut Reader::new(&bytes), BLOCK).unwrap();
            let header = IntHeader { exponent, is_delta: false, base: 0, scale: 1, min };
            let mut ints = Ints::new(&header);
            if !ints.are_exact(&block) {
                continue;
            }
            let expected: Vec<f64> =
                residuals.iter().map(|&u| (u as i64 + min) as f64 / divisor).collect();
            for_all_blocks!(blocks => {
                let values = written(BLOCK, |out| blocks.ints(&block, &mut ints, out));
                assert_eq!(bits_of(&values), bits_of(&expected), "{blocks:?} {exponent}");
            });
        }
    }
}

#[test]
fn times_are_the_same() {
    let mut random = Random(5);
    for_blocks(|block| {
        let (first, step, min) = (random.next() as i64, random.next(), random.next() as i64);
        assert_same(|kernel| {
            let mut last = (first, step);
            let times = with_blocks!(kernel, blocks => {
                written(block.count(), |out| blocks.deltas(block, min, &mut last, out))
            });
            (times, last)
        });
        assert_same(|kernel| {
            let mut next = first;
            let times = with_blocks!(kernel, blocks => {
                written(block.count(), |out| blocks.grid(block, step, &mut next, out))
            });
            (times, next)
        });
        assert_same(|kernel| {
            with_blocks!(kernel, blocks => {
                written(block.count(), |out| blocks.regular(first, step, block.count(), out))
            })
        });
    });
}

#[test]
fn what_is_found_in_a_column_is_the_same() {
    let mut random = Random(6);
    for n in 1..200 {
        let mut times: Vec<i64> = (0..n).map(|i| i64::from(i) * 3 - 200).collect();
        assert_same(|kernel| with_blocks!(kernel, blocks => blocks.are_ascending(&times)));
        let at = random.next() as usize % times.len();
        times[at] = i64::MIN;
        let is_ascending = at == 0;
        for_all_blocks!(blocks => assert_eq!(blocks.are_ascending(&times), is_ascending));

        let mut values: Vec<f64> = (0..n).map(f64::from).collect();
        values[at] = f64::NAN;
        let nan = f64::NAN.to_bits();
        for_all_blocks!(blocks => {
            assert!(blocks.contain(&values, nan) && !blocks.contain(&values, nan ^ 1));
            let filled = written(values.len(), |out| blocks.fill(values.len(), 0.1, out));
            assert_eq!(filled, vec![0.1; values.len()]);
        });
    }
}

#[test]
fn runs_are_expanded_the_same() {
    let mut random = Random(8);
    for n in 1..300usize {
        let rare = random.next() % 20;
        let begins =
            |random: &mut Random, i: usize| i > 0 && random.next().is_multiple_of(rare + 1);
        let (mut bitmap, mut expected, mut runs) = (vec![0u8; n.div_ceil(8)], vec![], vec![0.0]);
        for i in 0..n {
            if begins(&mut random, i) {
                bitmap[i / 8] |= 1 << (i % 8);
                runs.push(runs.len() as f64);
            }
            expected.push(runs[runs.len() - 1]);
        }
        runs.extend([f64::NAN; RUN_SLACK]);
        for_all_blocks!(blocks => {
            let values = written(n, |out| blocks.expand(&bitmap, &runs, n, out));
            assert_eq!(values, expected, "{blocks:?}");
        });
    }
}

#[test]
fn lanes_are_summed_the_same() {
    let mut random = Random(9);
    let groups: Vec<[f64; LANES]> =
        (0..20).map(|_| [(); LANES].map(|()| f64::from_bits(random.next() >> 2))).collect();
    assert_same(|kernel| {
        let mut lanes = [0.0; LANES];
        with_blocks!(kernel, blocks => blocks.add_lanes(&groups, &mut lanes));
        bits_of(&lanes)
    });
}

#[test]
fn extremes_and_falls_are_the_same() {
    let mut random = Random(10);
    for round in 0..200u64 {
        let special = [f64::NAN, 0.0, -0.0, f64::INFINITY];
        let value = |random: &mut Random| match random.next() % 20 {
            i if round % 2 == 0 && i < 4 => special[i as usize],
            _ => f64::from_bits(random.next()),
        };
        let groups: Vec<[f64; LANES]> =
            (0..3).map(|_| [(); LANES].map(|()| value(&mut random))).collect();
        assert_same(|kernel| {
            let (mut mins, mut maxs) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
            with_blocks!(kernel, blocks => blocks.extremes(&groups, &mut mins, &mut maxs));
            // Of zeros either may be kept; a fold looks for the first one itself.
            let plain = |x: f64| if x == 0.0 { 0.0 } else { x };
            (bits_of(&mins.map(plain)), bits_of(&maxs.map(plain)))
        });
        let mut rising: Vec<f64> = (0..round).map(|i| i as f64).collect();
        for_all_blocks!(blocks => assert!(!blocks.falls(&rising)));
        if round > 1 {
            rising[random.next() as usize % (round as usize - 1)] = round as f64;
            for_all_blocks!(blocks => assert!(blocks.falls(&rising)));
        }
    }
}
