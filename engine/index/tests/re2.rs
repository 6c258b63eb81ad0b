//! Patterns mean what they mean in Prometheus: RE2 syntax, anchored at both ends.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use nunatak_index::{MatchOp, Matcher};
use proptest::prelude::*;

fn matches(pattern: &str, text: &str) -> bool {
    Matcher::new("l", MatchOp::Regex, pattern).unwrap().matches(text)
}

/// Pattern, strings that match, strings that do not.
const TABLE: &[(&str, &[&str], &[&str])] = &[
    // Anchors and the empty string.
    ("", &[""], &["a"]),
    ("a", &["a"], &["", "ab", "ba"]),
    ("a|b", &["a", "b"], &["", "ab", "c"]),
    ("a|", &["", "a"], &["b"]),
    ("^a$", &["a"], &["", "ab"]),
    ("^", &[""], &["a"]),
    ("a^b", &[], &["ab", "a^b"]),
    ("(^a)b$", &["ab"], &["b"]),
    ("^a$|^b$", &["a", "b"], &["ab"]),
    ("a(^b|c)", &["ac"], &["ab"]),
    ("(a|b$)c", &["ac"], &["bc"]),
    ("(^a|b)?c", &["c", "ac", "bc"], &["aac"]),
    ("^*a", &["a"], &["aa"]),
    (r"\Aab\z", &["ab"], &["abc"]),
    // Dots.
    (".", &["a", "\n", "é", "😀"], &["", "ab"]),
    (".*", &["", "a\nb"], &[]),
    (".+", &["a", "\n"], &[""]),
    ("(?-s).*", &["", "ab"], &["a\nb"]),
    ("(?-s:.)b", &["ab"], &["\nb"]),
    // Prefix, suffix, contains.
    ("ab.*", &["ab", "abc", "ab\n"], &["a", "xab"]),
    ("ab.+", &["abc"], &["ab", "xabc"]),
    (".*ab", &["ab", "xab"], &["abx"]),
    (".*ab.*", &["ab", "xabx"], &["a", "ba"]),
    ("a.*b", &["ab", "axb", "a\nb"], &["a", "abx"]),
    ("(ab|cd).*", &["ab1", "cd"], &["ac"]),
    // Sets.
    ("ab(c|d)?", &["ab", "abc", "abd"], &["abcd"]),
    ("[abc]x", &["ax", "cx"], &["dx", "x"]),
    ("(a|b)(c|d)", &["ac", "bd"], &["ab", "cd"]),
    ("ab{2}", &["abb"], &["ab", "abab"]),
    ("foo|foobar|(x|y)z", &["foo", "foobar", "xz"], &["foob", "z"]),
    // Case.
    ("(?i)ab", &["ab", "AB", "aB"], &["abc"]),
    ("(?i)k", &["k", "K", "\u{212a}"], &["c"]),
    ("(?i)é", &["é", "É"], &["e"]),
    ("a(?i)b|c", &["ab", "aB", "C"], &["Ab"]),
    ("(a(?i)b)c", &["aBc"], &["aBC", "Abc"]),
    ("(?i:a)b", &["Ab"], &["AB"]),
    ("(?i)[a-c]+", &["aBC"], &["d"]),
    ("(?i)[^a]", &["b"], &["a", "A"]),
    ("(?i-s)A.", &["ab"], &["a\n"]),
    // ASCII classes, also where the regex crates would take Unicode.
    (r"\d+", &["12"], &["", "٣"]),
    (r"\w+", &["az_09"], &["é", "-"]),
    (r"\s", &[" ", "\t", "\u{c}"], &["\u{b}", "\u{a0}"]),
    (r"[[:space:]]", &["\u{b}"], &["\u{a0}"]),
    (r"\D\W\S", &["é-é"], &["1-é"]),
    (r"\bab\b", &["ab"], &["abc"]),
    (r"a\b.b", &["a-b", "aéb"], &["axb"]),
    (r"a\Bb", &["ab"], &["a"]),
    (r"(?i)\w", &["\u{17f}"], &["é"]),
    // Brackets in which the syntaxes differ.
    ("[[]", &["["], &["]"]),
    ("[]a]", &["]", "a"], &["b"]),
    ("[^]a]", &["b"], &["]", "a"]),
    ("[a&&b]", &["a", "&", "b"], &["c"]),
    ("[a--b]", &[], &[]),
    ("[a~~b]", &["~"], &["c"]),
    ("[a-]", &["a", "-"], &["b"]),
    ("[-a]", &["a", "-"], &["b"]),
    ("[a-c-e]", &["b", "-", "e"], &["d"]),
    (r"[\]\-\\]", &["]", "-", "\\"], &["a"]),
    (r"[\d\-x]", &["1", "-", "x"], &["a"]),
    (r"[^\d]", &["a"], &["1"]),
    ("[[:alpha:][:digit:]]", &["a", "1"], &["_"]),
    ("[[:^alpha:]]", &["1"], &["a"]),
    ("[[:word:]]", &["_"], &["-"]),
    ("[[:]", &["[", ":"], &["a"]),
    ("[a[]", &["a", "["], &["]"]),
    (r"[\x41-\x43]", &["A", "C"], &["D"]),
    (r"[\Qa]", &[], &[]),
    // Escapes.
    (r"\Qa.b\E.", &["a.bx"], &["axbx"]),
    (r"\Qa.b", &["a.b"], &["axb"]),
    (r"\Q\E", &[""], &["a"]),
    (r"\Qab\E*", &["a", "abbb"], &["abab"]),
    (r"\.\*\-\#\ ", &[".*-# "], &["a"]),
    (r"\x41\x{1F600}\101\0", &["A😀A\0"], &[]),
    (r"\a\f\t\n\r\v", &["\u{7}\u{c}\t\n\r\u{b}"], &[]),
    (r"\07", &["\u{7}"], &["7"]),
    (r"\x{D800}", &[], &["\u{fffd}", ""]),
    // Unicode classes.
    (r"\pN", &["٣", "1"], &["a"]),
    (r"\PN", &["a"], &["1"]),
    (r"\p{Greek}+", &["αβ"], &["a"]),
    (r"\p{^Greek}", &["a"], &["α"]),
    (r"[\p{Lu}\d]", &["É", "7"], &["é"]),
    (r"\p{Any}", &["\n"], &[""]),
    // Repetitions.
    ("a{2,3}", &["aa", "aaa"], &["a", "aaaa"]),
    ("a{2,}", &["aaaaa"], &["a"]),
    ("a{,2}", &["a{,2}"], &["a", "aa"]),
    ("a{", &["a{"], &["a"]),
    ("a{01}", &["a{01}"], &["a"]),
    ("a{1,2,3}", &["a{1,2,3}"], &["a"]),
    ("{", &["{"], &[]),
    ("(a{0}b)*", &["", "bb"], &["a"]),
    ("a{0,0}", &[""], &["a"]),
    ("a*?b+?c??", &["aab", "bc"], &["a"]),
    ("(?U)a*", &["aa"], &["b"]),
    ("(a*)*", &["", "aaa"], &["b"]),
    ("(|a)*b", &["b", "aab"], &["a"]),
    // Groups.
    ("(?P<n>a)(?P<n>b)(?<m>c)", &["abc"], &["ab"]),
    ("(?:a|b)c", &["ac"], &["a"]),
    ("(?m)^a$", &["a"], &["a\n"]),
    ("(?m)a$\n^b", &["a\nb"], &["ab"]),
    ("a$\n^b", &[], &["a\nb"]),
    ("()", &[""], &["a"]),
    ("(?i)", &[""], &["a"]),
    // Too many states for a dense table.
    (r"(a|b)*a(a|b){14}", &["abbbbbbbbbbbbbb", "bbaababababababab"], &["a", "bbbbbbbbbbbbbbb"]),
    (r"\pL{200}", &[], &["é"]),
];

#[test]
fn patterns_mean_what_they_mean_in_prometheus() {
    for (pattern, yes, no) in TABLE {
        if *pattern == "[a--b]" || *pattern == r"[\Qa]" {
            assert!(Matcher::new("l", MatchOp::Regex, pattern).is_err(), "{pattern}");
            continue;
        }
        for text in *yes {
            assert!(matches(pattern, text), "{pattern:?} should match {text:?}");
        }
        for text in *no {
            assert!(!matches(pattern, text), "{pattern:?} should not match {text:?}");
        }
    }
}

/// Pattern and Go's message after "error parsing regexp: ".
const REFUSED: &[(&str, &str)] = &[
    ("a(b", "missing closing ): `a(b`"),
    ("a)b", "unexpected ): `a)b`"),
    ("(?i)(?s", "invalid or unsupported Perl syntax: `(?s`"),
    ("a[b", "missing closing ]: `[b`"),
    ("x[]", "missing closing ]: `[]`"),
    ("[a-", "missing closing ]: `[a-`"),
    ("[b-a]", "invalid character class range: `b-a`"),
    ("[a--b]", "invalid character class range: `a--`"),
    ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
    (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
    (r"\pX", r"invalid character class range: `\pX`"),
    (r"\p{greek}", r"invalid character class range: `\p{greek}`"),
    (r"\p{Letter}", r"invalid character class range: `\p{Letter}`"),
    (r"\p{Lu", r"invalid character class range: `\p{Lu`"),
    (r"\p", r"invalid character class range: `\p`"),
    ("*", "missing argument to repetition operator: `*`"),
    ("a|*", "missing argument to repetition operator: `*`"),
    ("(+)", "missing argument to repetition operator: `+`"),
    ("?a", "missing argument to repetition operator: `?`"),
    ("{2}", "missing argument to repetition operator: `{2}`"),
    ("a**", "invalid nested repetition operator: `**`"),
    ("a*+b", "invalid nested repetition operator: `*+`"),
    ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
    ("a{1001}", "invalid repeat count: `{1001}`"),
    ("a{2,1}", "invalid repeat count: `{2,1}`"),
    ("a{99999999999999999999}", "invalid repeat count: `{99999999999999999999}`"),
    ("(a{100}){11}", "invalid repeat count: `{11}`"),
    ("((a{100}){10}){10}", "invalid repeat count: `{10}`"),
    (r"a\", "trailing backslash at end of expression: ``"),
    (r"\q", r"invalid escape sequence: `\q`"),
    (r"\1", r"invalid escape sequence: `\1`"),
    (r"\8", r"invalid escape sequence: `\8`"),
    (r"\<a", ""),
    (r"\Z", r"invalid escape sequence: `\Z`"),
    (r"\C", r"invalid escape sequence: `\C`"),
    (r"\xg0", r"invalid escape sequence: `\xg0`"),
    (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
    (r"\x{}", r"invalid escape sequence: `\x{}`"),
    (r"\é", r"invalid escape sequence: `\é`"),
    (r"[\Qa]", r"invalid escape sequence: `\Q`"),
    (r"[\b]", r"invalid escape sequence: `\b`"),
    ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
    ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
    ("(?<=a)", "invalid named capture: `(?<=a)`"),
    ("(?>a)", "invalid or unsupported Perl syntax: `(?>`"),
    ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
    ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
    ("(?#a)", "invalid or unsupported Perl syntax: `(?#`"),
    ("(?P<n", "invalid named capture: `(?P<n`"),
    ("(?P<a b>c)", "invalid named capture: `(?P<a b>`"),
    ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
    (r"(\pL{1000}\pL{1000}){1}", ""),
];

#[test]
fn what_re2_refuses_is_refused_in_gos_words() {
    for (pattern, message) in REFUSED {
        let result = Matcher::new("l", MatchOp::Regex, pattern);
        match (result, *message) {
            (Ok(_), "") => {}
            (Ok(_), message) => panic!("{pattern:?} should be refused: {message}"),
            (Err(error), message) => {
                let expected = format!("error parsing regexp: {message}");
                assert!(message.is_empty() || error.to_string() == expected, "{pattern}: {error}");
            }
        }
    }
}

#[test]
fn large_patterns_end_in_an_error() {
    let large = r"(\pL{500}){2}".repeat(20);
    let error = Matcher::new("l", MatchOp::Regex, &large).unwrap_err();
    assert!(error.to_string().starts_with("error parsing regexp: expression too large"));
    let classes = r"\pL".repeat(10_000);
    assert!(Matcher::new("l", MatchOp::Regex, &classes).is_err());
}

#[test]
fn deep_nesting_ends_in_an_answer() {
    for depth in [10, 500, 900, 5_000, 100_000] {
        for (open, close) in [("(", ")"), ("(?:", ")*"), ("(a|", ")"), ("(", ")?b")] {
            let pattern = format!("{}x{}", open.repeat(depth), close.repeat(depth));
            match Matcher::new("l", MatchOp::Regex, &pattern) {
                Ok(matcher) => assert!(depth < 1000 && !matcher.matches("y"), "{depth} {open}"),
                Err(error) => assert!(error.to_string().contains("expression"), "{depth} {open}"),
            }
        }
    }
}

#[test]
fn long_lists_are_sets() {
    let words: Vec<_> = (0..20_000).map(|i| format!("host-{i}")).collect();
    let matcher = Matcher::new("l", MatchOp::Regex, &words.join("|")).unwrap();
    assert!(matcher.matches("host-19999") && !matcher.matches("host-20000"));
}

#[test]
fn operators_negate_and_know_the_empty_value() {
    let empty = |op, value| Matcher::new("l", op, value).unwrap().matches_empty();
    assert!(empty(MatchOp::Equal, "") && !empty(MatchOp::Equal, "a"));
    assert!(!empty(MatchOp::NotEqual, "") && empty(MatchOp::NotEqual, "a"));
    assert!(empty(MatchOp::Regex, ".*") && !empty(MatchOp::Regex, ".+"));
    assert!(!empty(MatchOp::NotRegex, "a|") && empty(MatchOp::NotRegex, "a"));
    let matcher = Matcher::new("l", MatchOp::NotRegex, "a.").unwrap();
    assert!(matcher.matches("a") && !matcher.matches("ab"));
    assert_eq!(matcher.to_string(), r#"l!~"a.""#);
}

proptest! {
    /// Where the two syntaxes agree the regex crate is the model.
    #[test]
    fn agrees_with_the_regex_crate(
        pattern in r"(\(?[abx.]\)?[*+?]?|\||\[[ab-d]{1,3}\]|\(a\|b\)|\.\*|\.\+){0,8}",
        texts in prop::collection::vec("[abcx\n]{0,8}", 8),
    ) {
        let model = regex_automata::meta::Regex::new(&format!("^(?s:{pattern})$"));
        let ours = Matcher::new("l", MatchOp::Regex, &pattern);
        prop_assert!(model.is_ok() || ours.is_err(), "{:?} {:?}", pattern, model);
        if let (Ok(model), Ok(ours)) = (model, ours) {
            for text in texts {
                prop_assert_eq!(model.is_match(&text), ours.matches(&text), "{} {:?}", pattern, text);
            }
        }
    }

    #[test]
    fn never_panics(pattern in r"[a-d\\\[\](){}*+?|^$.:,0-9\-iPQEpx<>&é]{0,24}", text in ".{0,6}") {
        if let Ok(matcher) = Matcher::new("l", MatchOp::Regex, &pattern) {
            matcher.matches(&text);
        }
    }
}
