#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::{Defect, Kind, Problem, Source, Unreadable, Value, read};

/// A file in the making: what is appended is what the format says, unless a test says otherwise.
#[derive(Clone)]
struct File(Vec<u8>);

impl File {
    fn new(tensors: u64, entries: u64) -> Self {
        Self(b"GGUF".to_vec()).u32(3).u64(tensors).u64(entries)
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    fn text(self, text: &str) -> Self {
        self.u64(text.len() as u64).bytes(text.as_bytes())
    }

    fn tensor(self, name: &str, shape: &[u64], kind: u32, offset: u64) -> Self {
        let this = self.text(name).u32(u32::try_from(shape.len()).unwrap());
        shape.iter().fold(this, |this, length| this.u64(*length)).u32(kind).u64(offset)
    }

    /// Up to where tensors begin, and so many bytes of them.
    fn data(mut self, size: usize) -> Self {
        self.0.resize(self.0.len().next_multiple_of(32) + size, 7);
        self
    }

    fn problem(&self) -> (String, Problem) {
        let Defect { place, problem, .. } = read(&mut self.0.as_slice()).unwrap_err();
        (place, problem)
    }
}

fn good() -> File {
    File::new(2, 3)
        .text("general.name")
        .u32(8)
        .text("a name")
        .text("some.list")
        .u32(9)
        .u32(8)
        .u64(2)
        .text("x")
        .text("")
        .text("a.number")
        .u32(4)
        .u32(9)
        .tensor("a", &[32, 2], 8, 0)
        .tensor("b", &[4], 0, 96)
        .data(112)
}

#[test]
fn a_good_file_is_read() {
    let gguf = read(&mut good().0.as_slice()).unwrap();
    assert_eq!(gguf.get("general.name").and_then(Value::as_text), Some("a name"));
    assert_eq!(gguf.get("some.list").and_then(Value::as_texts).unwrap().iter().collect::<Vec<_>>(), ["x", ""]);
    assert_eq!(gguf.get("a.number").and_then(Value::as_count), Some(9));
    let tensor = gguf.tensor("a").unwrap();
    assert_eq!((tensor.kind, tensor.columns(), tensor.rows(), tensor.size), (Kind::Q8_0, 32, 2, 68));
    let begin = good().0.len() as u64 - 112;
    assert_eq!((tensor.offset, gguf.tensor("b").unwrap().offset), (begin, begin + 96));
}

#[test]
fn every_shorter_file_is_refused() {
    let file = good().0;
    for length in 0..file.len() {
        let problem = read(&mut &file[..length]).unwrap_err().problem;
        assert!(matches!(problem, Problem::Truncated { .. } | Problem::Outside { .. }), "{length} bytes: {problem}");
    }
}

#[test]
fn every_changed_byte_gives_a_file_or_an_error() {
    let file = good().0;
    for at in 0..file.len() {
        for change in [1, 0x80, 0xff] {
            let mut file = file.clone();
            file[at] ^= change;
            let _ = read(&mut file.as_slice());
        }
    }
}

#[test]
fn what_is_no_gguf_is_named() {
    assert_eq!(File(b"PK\x03\x04....".to_vec()).problem().1, Problem::Magic(*b"PK\x03\x04"));
    let version = |number: u32| File(b"GGUF".to_vec()).u32(number).u64(0).u64(0).problem().1;
    assert_eq!(version(1), Problem::Version(1));
    assert_eq!(version(4), Problem::Version(4));
    assert_eq!(version(3_u32.swap_bytes()), Problem::BigEndian);
}

#[test]
fn counts_that_the_file_cannot_hold_are_refused() {
    let of = |file: File| file.problem().1;
    assert!(matches!(of(File::new(u64::MAX, 0)), Problem::TooMany { what: "tensors", claimed: u64::MAX, .. }));
    assert!(matches!(of(File::new(0, u64::MAX)), Problem::TooMany { what: "entries of metadata", .. }));
    // Within the bounds, but the file is too short for so many.
    assert_eq!(of(File::new(1000, 0)), Problem::Truncated { needed: 32_000, left: 8 });
    assert_eq!(of(File::new(0, 4000)), Problem::Truncated { needed: 52_000, left: 0 });
    let list = |kind: u32, count: u64| File::new(0, 1).text("k").u32(9).u32(kind).u64(count);
    assert_eq!(of(list(10, 4_000_000)), Problem::Truncated { needed: 32_000_000, left: 0 });
    assert!(matches!(of(list(0, u64::MAX)), Problem::TooMany { what: "elements of arrays", .. }));
    assert!(matches!(of(list(8, 1 << 62)), Problem::TooMany { .. }));
}

#[test]
fn huge_texts_are_refused() {
    let of = |file: File| file.problem().1;
    let text = |length: u64| File::new(0, 1).text("k").u32(8).u64(length).bytes(b"some");
    assert_eq!(of(text(5)), Problem::Truncated { needed: 5, left: 4 });
    assert!(matches!(of(text(u64::MAX)), Problem::TooMany { what: "bytes of a text", .. }));
    assert!(matches!(of(File::new(0, 1).u64(1 << 40).data(64)), Problem::TooMany { what: "bytes of a key", .. }));
    let long = "n".repeat(65);
    assert!(matches!(of(File::new(1, 0).tensor(&long, &[1], 0, 0)), Problem::TooMany { what: "bytes of a name", .. }));
    assert_eq!(of(File::new(0, 1).u64(2).bytes(&[0xff, 0xfe]).data(64)), Problem::Text);
}

#[test]
fn types_that_there_are_not_are_refused() {
    let value = |kind: u32| File::new(0, 1).text("k").u32(kind).data(64).problem();
    assert_eq!(value(13), ("entry 0 (k)".to_owned(), Problem::ValueType(13)));
    let list = |kind: u32| File::new(0, 1).text("k").u32(9).u32(kind).u64(1).data(64).problem().1;
    assert_eq!(list(9), Problem::Nested);
    assert_eq!(list(99), Problem::ValueType(99));
    assert_eq!(File::new(0, 1).text("k").u32(7).bytes(&[2]).data(64).problem().1, Problem::Boolean(2));
    // 4 was withdrawn, 200 never was.
    for kind in [4, 200] {
        let tensor = File::new(1, 0).tensor("t", &[32], kind, 0).data(64).problem();
        assert_eq!(tensor, ("tensor 0 (t)".to_owned(), Problem::TensorType(kind)));
    }
}

#[test]
fn what_is_there_twice_is_refused() {
    let entry = |file: File| file.text("same").u32(4).u32(1);
    assert_eq!(entry(entry(File::new(0, 2))).problem(), ("entry 1 (same)".to_owned(), Problem::Twice));
    let file = File::new(2, 0).tensor("t", &[8], 0, 0).tensor("t", &[8], 0, 32).data(64);
    assert_eq!(file.problem(), ("tensor 1 (t)".to_owned(), Problem::Twice));
}

#[test]
fn shapes_that_are_none_are_refused() {
    let of = |shape: &[u64], kind: u32| File::new(1, 0).tensor("t", shape, kind, 0).data(64).problem().1;
    assert_eq!(of(&[], 0), Problem::Dimensions(0));
    assert_eq!(of(&[1, 1, 1, 1, 1], 0), Problem::Dimensions(5));
    assert_eq!(of(&[4, 0], 0), Problem::Empty(1));
    assert_eq!(of(&[33], 8), Problem::Blocks { row: 33, block: 32 });
    assert_eq!(of(&[128, 2], 12), Problem::Blocks { row: 128, block: 256 });
    // Products beyond 64 bits, to zero even, and sizes beyond 63.
    assert_eq!(of(&[1 << 32, 1 << 32], 0), Problem::Overflow);
    assert_eq!(of(&[1 << 63, 2, 1 << 20], 0), Problem::Overflow);
    assert_eq!(of(&[1 << 62], 0), Problem::Overflow);
    assert_eq!(of(&[u64::MAX, u64::MAX, u64::MAX, u64::MAX], 8), Problem::Overflow);
}

#[test]
fn tensors_lie_inside_of_the_file_and_on_no_other() {
    let one = |shape: u64, offset: u64| File::new(1, 0).tensor("t", &[shape], 0, offset).data(64).problem().1;
    assert_eq!(one(17, 0), Problem::Outside { end: 68, size: 64 });
    assert_eq!(one(16, 32), Problem::Outside { end: 96, size: 64 });
    assert_eq!(one(1, 5), Problem::Unaligned { offset: 5, alignment: 32 });
    assert_eq!(one(1 << 60, u64::MAX - 31), Problem::Overflow);
    assert_eq!(one(1 << 40, 0), Problem::Outside { end: 1 << 42, size: 64 });
    let file = File::new(2, 0).tensor("a", &[9], 0, 0).tensor("b", &[8], 0, 32).data(64);
    assert_eq!(file.problem(), ("tensor 1 (b)".to_owned(), Problem::Overlap("a".to_owned())));
}

#[test]
fn an_alignment_is_a_power_of_two() {
    let of = |kind: u32, value: u64| {
        let file = File::new(0, 1).text("general.alignment").u32(kind);
        let file = if kind == 4 { file.u32(u32::try_from(value).unwrap()) } else { file.u64(value) };
        read(&mut file.data(64).0.as_slice()).map(|_| ()).map_err(|defect| defect.problem)
    };
    assert_eq!(of(4, 64), Ok(()));
    for wrong in [0, 1, 24, 1 << 20] {
        assert_eq!(of(4, wrong), Err(Problem::Alignment(wrong)));
    }
    assert_eq!(of(10, 1 << 63), Err(Problem::Alignment(1 << 63)));
}

#[test]
fn names_in_messages_are_short_and_without_control_characters() {
    let key = format!("\u{1b}[31m{}", "k".repeat(200));
    let (place, _) = File::new(0, 1).text(&key).u32(77).problem();
    assert!(place.starts_with("entry 0 (?[31mkk") && place.len() < 100, "{place}");
}

#[test]
fn a_fault_of_the_node_is_not_one_of_the_file() {
    struct Torn;
    impl Source for Torn {
        fn size(&self) -> u64 {
            1 << 20
        }

        fn read(&mut self, _offset: u64, _into: &mut [u8]) -> Result<(), Unreadable> {
            Err(Unreadable("the disk is gone".to_owned()))
        }
    }
    let problem = read(&mut Torn).unwrap_err().problem;
    assert_eq!(problem, Problem::Unreadable(Unreadable("the disk is gone".to_owned())));
}

#[test]
fn a_head_is_read_in_pieces_and_no_further_than_it_goes() {
    struct Counting<'a>(&'a [u8], u64);
    impl Source for Counting<'_> {
        fn size(&self) -> u64 {
            1 << 40
        }

        fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Unreadable> {
            self.1 += into.len() as u64;
            into.fill(0);
            let from = self.0.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
            into.iter_mut().zip(from).for_each(|(to, byte)| *to = *byte);
            Ok(())
        }
    }
    let file = File::new(0, 1).text("k").u32(8).text(&"long ".repeat(40_000));
    let mut source = Counting(&file.0, 0);
    assert_eq!(read(&mut source).unwrap().get("k").and_then(Value::as_text).unwrap().len(), 200_000);
    assert!(source.1 < 300_000, "{} bytes were read", source.1);
}
