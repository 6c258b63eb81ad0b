//! Draws queries. Most are valid; what they find is left to the data.
//!
//! Sums in another order differ in the last bits, and some operations make much of that: `%`,
//! `floor`, `==`, `count_values`. They get operands whose values are the same to the last bit.

use super::dice::Dice;

const COUNTERS: &[&str] = &[
    "req_total",
    "req_total{code=\"500\"}",
    "req_total{job=\"a\",instance=~\"0|2\"}",
    "req_total{instance!~\"[12]\",missing=\"\"}",
    "lat_count",
    "lat_bucket{job=\"a\"}",
    "lat_bucket{le=~\"1|2.5\"}",
    "{\"http.status_total\"}",
];

const GAUGES: &[&str] = &[
    "temp",
    "temp{job=\"b\"}",
    "temp{instance=~\".+\",job!=\"b\"}",
    "up",
    "up{job=~\"a|b\"}",
    "gap",
    "gap{kind!~\"3.*\"}",
    "few",
    "same_a",
    "same_b{y=\"p\"}",
    "{__name__=~\"same_.*\"}",
    "{__name__=~\"up|same_a\",job!=\"a\"}",
    "build_info",
    "job:temp:avg5m",
    "escapes",
    "for",
    "{\"utf8.metric-ü\"}",
    "{\"utf8.metric-ü\",\"la bel\"!=\"ü x\"}",
    "{__name__=\"temp\",\"room\"=\"x\"}",
    "nothing_here",
];

const ODD: &[&str] = &["odd", "odd{kind=~\".*inf|zeros\"}", "odd{kind!=\"plain\"}", "lat_sum"];
const BUCKETS: &[&str] =
    &["lat_bucket", "bad_bucket", "rate(lat_bucket[5m])", "rate(bad_bucket[7m])"];

/// Vectors without equal values: of those `topk` may keep any.
const RANKED: &[&str] = &[
    "temp",
    "-temp",
    "req_total",
    "rate(req_total[5m])",
    "max_over_time(temp[5m] offset 1m)",
    "sum by (job, instance) (req_total)",
    "temp > 3",
];

const LABELS: &[&str] = &[
    "job",
    "instance",
    "code",
    "kind",
    "le",
    "x",
    "y",
    "case",
    "missing",
    "\"la bel\"",
    "__name__",
];
const NUMBERS: &[&str] = &[
    "0", "1", "2", "0.37", "-1.5", "100", "1e3", "Inf", "-Inf", "NaN", "0x1F", "1_000", "5m", "-0",
];
const RANGES: &[&str] =
    &["1m", "5m", "61s", "30s", "10m", "1s", "17m3s", "1h", "200ms", "299s999ms", "90", "5m1ms"];
const STEPS: &[&str] = &["", "1m", "30s", "7s", "45s", "13m"];
const OFFSETS: &[&str] = &[" offset 1m", " offset -2m", " offset 7s", " offset 5m", " offset 0s"];
const PINS: &[&str] =
    &[" @ 1700003000", " @ start()", " @ end()", " @ 1700002999.999", " @ 1.7e9", " @ 1700099999"];

/// Functions of each value that keep small differences small. Without `ln` and `log10`, which Go on x86-64
/// computes wrongly for denormals.
const SMOOTH: &[&str] = &[
    "abs", "sqrt", "exp", "log2", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
    "tanh", "asinh", "acosh", "atanh", "deg", "rad",
];
/// The others.
const ROUGH: &[&str] = &[
    "ceil",
    "floor",
    "sgn",
    "round",
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
];
/// Functions of windows that give samples or counts.
const EXACT_WINDOWS: &[&str] = &[
    "last_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "present_over_time",
    "changes",
    "resets",
    "idelta",
];
const WINDOWS: &[&str] = &[
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "deriv",
    "avg_over_time",
    "sum_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "rate",
    "increase",
];
const EXACT_FOLDS: &[&str] = &["min", "max", "count", "group"];
const FOLDS: &[&str] = &["sum", "avg", "stddev", "stdvar", "sum", "avg", "max"];

/// What is broken into valid queries.
const TOKENS: &[&str] = &[
    "(",
    ")",
    "[5m]",
    "{",
    "}",
    ",",
    "+",
    "-",
    "==",
    "and",
    "bool",
    "on",
    "by (",
    "offset",
    "@",
    "5m",
    "sum",
    "rate",
    "\"",
    "\\",
    "é",
    "1e",
    "0x",
    "$",
    "!",
    "=~",
    ":",
    "[",
    "group_left",
    "#",
    "\n",
];

/// The query of a seed.
pub(crate) fn query(seed: u64) -> String {
    let mut draw = Draw { dice: Dice::new(seed) };
    let query = match draw.dice.below(20) {
        0 => draw.scalar(2),
        1 => draw.window(2, false),
        2 => draw.sorted(),
        _ => draw.vector(3, false),
    };
    if draw.dice.one_in(12) { draw.broken(query) } else { query }
}

struct Draw {
    dice: Dice,
}

impl Draw {
    fn scalar(&mut self, depth: usize) -> String {
        match self.dice.below(if depth == 0 { 4 } else { 8 }) {
            0 => "time()".to_owned(),
            1 => "pi()".to_owned(),
            2 | 3 => self.dice.pick(NUMBERS).to_owned(),
            4 | 5 => format!("scalar({})", self.vector(depth - 1, true)),
            6 => format!("-({})", self.scalar(depth - 1)),
            _ => {
                let op =
                    self.dice.pick(&["+", "-", "*", "/", "^", "%", "atan2", "== bool", "> bool"]);
                format!("({} {op} {})", self.scalar(depth - 1), self.scalar(depth - 1))
            }
        }
    }

    /// An instant vector; `exact` if its values must be the same to the last bit.
    fn vector(&mut self, depth: usize, exact: bool) -> String {
        if depth == 0 {
            return self.selector(exact);
        }
        match self.dice.below(25) {
            0..=2 => self.selector(exact),
            3..=7 => self.windowed(depth, exact),
            8..=11 => self.fold(depth, exact),
            12..=14 => self.pair(depth, exact),
            15 | 16 => self.mixed(depth, exact),
            17 => self.of_values(depth, exact),
            18 => self.labelled(depth, exact),
            19 => self.set(depth, exact),
            20 if !exact => self.histogram(),
            21 => self.absent(depth),
            // 3.5 forgets the offset of a selector that has `@`, too; behind a sign it is none.
            22 => format!("timestamp(+{})", self.vector(depth - 1, true)),
            23 => format!("timestamp({})", self.dice.pick(GAUGES)),
            _ => self.little(depth, exact),
        }
    }

    fn selector(&mut self, exact: bool) -> String {
        let name = match self.dice.below(10) {
            0..=3 => self.dice.pick(COUNTERS),
            4 if !exact => self.dice.pick(ODD),
            _ => self.dice.pick(GAUGES),
        };
        let times = self.times();
        format!("{name}{times}")
    }

    fn times(&mut self) -> String {
        let mut times = String::new();
        if self.dice.one_in(6) {
            times += self.dice.pick(OFFSETS);
        }
        if self.dice.one_in(12) {
            times += self.dice.pick(PINS);
        }
        times
    }

    /// A range vector.
    fn window(&mut self, depth: usize, exact: bool) -> String {
        let range = self.dice.pick(RANGES);
        if depth == 0 || !self.dice.one_in(4) {
            let name = match self.dice.below(8) {
                0..=3 => self.dice.pick(COUNTERS),
                4 if !exact => self.dice.pick(ODD),
                _ => self.dice.pick(GAUGES),
            };
            return format!("{name}[{range}]{}", self.times());
        }
        let mut inner =
            if self.dice.one_in(8) { self.scalar(1) } else { self.vector(depth - 1, exact) };
        if inner.contains("bad_bucket") {
            // Prometheus evaluates more steps than it needs, and remarks on them.
            inner = self.selector(exact);
        }
        let step = self.dice.pick(STEPS);
        format!("({inner})[{range}:{step}]{}", self.times())
    }

    fn windowed(&mut self, depth: usize, exact: bool) -> String {
        if exact || self.dice.one_in(3) {
            return format!("{}({})", self.dice.pick(EXACT_WINDOWS), self.window(depth - 1, true));
        }
        let window = self.window(depth - 1, false);
        match self.dice.below(10) {
            0 => format!("quantile_over_time({}, {window})", self.quantile()),
            1 => {
                format!("predict_linear({window}, {})", self.dice.pick(&["600", "-60", "0", "1h"]))
            }
            _ => format!("{}({window})", self.dice.pick(WINDOWS)),
        }
    }

    fn quantile(&mut self) -> &'static str {
        self.dice.pick(&["0", "0.5", "0.9", "1", "0.333", "-1", "2", "NaN", "0.99"])
    }

    fn fold(&mut self, depth: usize, exact: bool) -> String {
        let (op, param) = match self.dice.below(10) {
            0 => {
                let k = self.dice.pick(&["1", "2", "3", "0", "-1", "2.7", "100"]);
                (self.dice.pick(&["topk", "bottomk"]), format!("{k}, "))
            }
            1 => (
                "count_values",
                format!("{}, ", self.dice.pick(&["\"v\"", "\"job\"", "\"new label\"", "'le'"])),
            ),
            2 if !exact => ("quantile", format!("{}, ", self.quantile())),
            _ if exact => (self.dice.pick(EXACT_FOLDS), String::new()),
            _ => (self.dice.pick(FOLDS), String::new()),
        };
        let inner = match op {
            "topk" | "bottomk" => self.dice.pick(RANKED).to_owned(),
            _ => self.vector(depth - 1, exact || op == "count_values"),
        };
        let by = self.dice.pick(&["by", "without"]);
        match self.dice.below(4) {
            0 => format!("{op}({param}{inner})"),
            1 => format!("{op}({param}{inner}) {by} {}", self.labels()),
            _ => format!("{op} {by} {} ({param}{inner})", self.labels()),
        }
    }

    fn labels(&mut self) -> String {
        let labels: Vec<&str> = (0..self.dice.below(4)).map(|_| self.dice.pick(LABELS)).collect();
        format!("({})", labels.join(", "))
    }

    fn operator(&mut self, exact: bool) -> &'static str {
        if exact {
            return self
                .dice
                .pick(&["+", "-", "*", "==", "!=", ">", "<=", "== bool", "%", "> bool"]);
        }
        self.dice.pick(&["+", "-", "*", "/", "+", "/", "^", "atan2"])
    }

    /// An operation on two vectors, most of them such that they find partners.
    fn pair(&mut self, depth: usize, exact: bool) -> String {
        let rough = exact || self.dice.one_in(3);
        let op = self.operator(rough);
        match self.dice.below(8) {
            0 | 1 => {
                let inner = self.vector(depth - 1, rough);
                format!("{inner} {op} {inner}")
            }
            2 => format!("req_total {op} on (job, instance) group_left (version, kind) build_info"),
            3 => format!("temp {op} on (job, instance) group_left () up"),
            4 => {
                let inner = self.vector(depth - 1, rough);
                format!("max by (job) ({inner}) {op} on (job) group_right (x) ({inner})")
            }
            5 => {
                let counters = self.dice.pick(COUNTERS);
                format!(
                    "{counters} {op} ignoring (code, le) group_left count without (code, le) ({counters})"
                )
            }
            6 => format!("same_a {op} {} same_b", self.matching()),
            _ => {
                let (left, right) = (self.vector(depth - 1, rough), self.vector(depth - 1, rough));
                format!("({left}) {op} {} ({right})", self.matching())
            }
        }
    }

    fn matching(&mut self) -> String {
        let how = self.dice.pick(&["on", "ignoring"]);
        let labels = self.labels();
        match self.dice.below(6) {
            0 => String::new(),
            1 => format!("{how} {labels} group_left (kind)"),
            2 => format!("{how} {labels} group_right"),
            _ => format!("{how} {labels}"),
        }
    }

    fn mixed(&mut self, depth: usize, exact: bool) -> String {
        let rough = exact || self.dice.one_in(2);
        let op = self.operator(rough);
        let scalar = if exact { self.dice.pick(NUMBERS).to_owned() } else { self.scalar(1) };
        let vector = self.vector(depth - 1, rough);
        if self.dice.one_in(3) {
            format!("{scalar} {op} ({vector})")
        } else {
            format!("({vector}) {op} {scalar}")
        }
    }

    fn of_values(&mut self, depth: usize, exact: bool) -> String {
        if exact || self.dice.one_in(2) {
            return format!("{}({})", self.dice.pick(ROUGH), self.vector(depth - 1, true));
        }
        format!("{}({})", self.dice.pick(SMOOTH), self.vector(depth - 1, false))
    }

    fn labelled(&mut self, depth: usize, exact: bool) -> String {
        let inner = self.vector(depth - 1, exact);
        let dst =
            self.dice.pick(&["\"new\"", "\"job\"", "\"instance\"", "\"la bel\"", "\"__name__\""]);
        let src =
            self.dice.pick(&["\"job\"", "\"instance\"", "\"le\"", "\"missing\"", "\"__name__\""]);
        if self.dice.one_in(3) {
            return format!("label_join({inner}, {dst}, \"-\", {src}, \"code\")");
        }
        let to = self.dice.pick(&["\"$1\"", "\"a$0b\"", "\"\"", "\"${1}x\"", "\"$2\"", "\"$$1\""]);
        let pattern =
            self.dice.pick(&["\"(.*)\"", "\"(.)(.?).*\"", "\"x\"", "\"\"", "\"(?P<n>[a-z]+)\""]);
        format!("label_replace({inner}, {dst}, {to}, {src}, {pattern})")
    }

    fn set(&mut self, depth: usize, exact: bool) -> String {
        let op = self.dice.pick(&["and", "or", "unless"]);
        let matching = if self.dice.one_in(2) {
            String::new()
        } else {
            format!("{} {}", self.dice.pick(&["on", "ignoring"]), self.labels())
        };
        let (left, right) = (self.vector(depth - 1, exact), self.vector(depth - 1, exact));
        format!("({left}) {op} {matching} ({right})")
    }

    fn histogram(&mut self) -> String {
        let buckets = self.dice.pick(BUCKETS);
        let by = self.dice.pick(&[
            "",
            "sum by (le)",
            "sum by (le, job, case)",
            "max without (instance)",
        ]);
        match self.dice.below(4) {
            // Bounds in the first bucket give NaN in 3.5.
            0 => format!(
                "histogram_fraction({}, 1.7, {by}(lat_bucket))",
                self.dice.pick(&["0.2", "0.5", "1", "-Inf"])
            ),
            _ => format!("histogram_quantile({}, {by}({buckets}))", self.quantile()),
        }
    }

    fn absent(&mut self, depth: usize) -> String {
        if self.dice.one_in(2) {
            return format!("absent({})", self.vector(depth - 1, true));
        }
        format!("absent_over_time({})", self.window(depth - 1, true))
    }

    fn little(&mut self, depth: usize, exact: bool) -> String {
        match self.dice.below(6) {
            0 => format!("vector({})", self.scalar(depth - 1)),
            1 => format!("-{}", self.selector(exact)),
            2 => format!("clamp({}, -3, 20.5)", self.vector(depth - 1, exact)),
            3 => {
                format!("clamp_max({}, {})", self.vector(depth - 1, exact), self.dice.pick(NUMBERS))
            }
            4 => {
                format!("clamp_min({}, {})", self.vector(depth - 1, exact), self.dice.pick(NUMBERS))
            }
            _ => format!("({})", self.vector(depth - 1, exact)),
        }
    }

    fn sorted(&mut self) -> String {
        let inner = self.vector(2, true);
        format!("{}({inner})", self.dice.pick(&["sort", "sort_desc"]))
    }

    fn broken(&mut self, mut query: String) -> String {
        let mut place = self.dice.below(query.len() + 1);
        while !query.is_char_boundary(place) {
            place -= 1;
        }
        if self.dice.one_in(2) {
            query.insert_str(place, self.dice.pick(TOKENS));
        } else if let Some(gone) = query[place..].chars().next() {
            query.replace_range(place..place + gone.len_utf8(), "");
        }
        query
    }
}
