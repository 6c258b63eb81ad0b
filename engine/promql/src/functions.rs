//! The signatures of all functions.

use crate::ast::ValueType;

/// A function's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// For dispatch without comparing strings.
    pub id: FunctionId,
    /// The name as it is written.
    pub name: &'static str,
    /// The types of the arguments; the last one repeats if there may be more.
    pub args: &'static [ValueType],
    /// How many arguments are optional.
    pub variadic: Variadic,
    /// The type of the result.
    pub returns: ValueType,
    /// Whether it needs [`ParserOptions::experimental_functions`](crate::ParserOptions).
    pub experimental: bool,
}

/// How the number of arguments may differ from the signature's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variadic {
    /// All arguments, no more.
    No,
    /// The last argument may be missing or come up to so many times.
    UpTo(u8),
    /// The last argument may be missing or come any number of times.
    Any,
}

impl Function {
    /// The function of that name (case counts).
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    /// All functions, stable and experimental.
    #[must_use]
    pub fn all() -> &'static [Self] {
        FUNCTIONS
    }

    /// The fewest arguments that it takes.
    #[must_use]
    pub fn min_args(&self) -> usize {
        self.args.len() - usize::from(self.variadic != Variadic::No)
    }

    /// The most arguments that it takes; `None` is no limit.
    #[must_use]
    pub fn max_args(&self) -> Option<usize> {
        match self.variadic {
            Variadic::No => Some(self.args.len()),
            Variadic::UpTo(more) => Some(self.min_args() + usize::from(more)),
            Variadic::Any => None,
        }
    }
}

macro_rules! variadic {
    () => {
        Variadic::No
    };
    (any) => {
        Variadic::Any
    };
    ($n:literal) => {
        Variadic::UpTo($n)
    };
}

macro_rules! experimental {
    () => {
        false
    };
    (experimental) => {
        true
    };
}

macro_rules! functions {
    ($($id:ident $name:literal ($($arg:ident)*) $([$variadic:tt])? -> $returns:ident $($flag:ident)?;)*) => {
        /// Names a function for dispatch.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum FunctionId {
            $(#[doc = concat!("`", $name, "`")] $id,)*
        }

        const FUNCTIONS: &[Function] = &[$(Function {
            id: FunctionId::$id,
            name: $name,
            args: &[$(ValueType::$arg),*],
            variadic: variadic!($($variadic)?),
            returns: ValueType::$returns,
            experimental: experimental!($($flag)?),
        }),*];
    };
}

functions! {
    Abs "abs" (Vector) -> Vector;
    Absent "absent" (Vector) -> Vector;
    AbsentOverTime "absent_over_time" (Matrix) -> Vector;
    Acos "acos" (Vector) -> Vector;
    Acosh "acosh" (Vector) -> Vector;
    Asin "asin" (Vector) -> Vector;
    Asinh "asinh" (Vector) -> Vector;
    Atan "atan" (Vector) -> Vector;
    Atanh "atanh" (Vector) -> Vector;
    AvgOverTime "avg_over_time" (Matrix) -> Vector;
    Ceil "ceil" (Vector) -> Vector;
    Changes "changes" (Matrix) -> Vector;
    Clamp "clamp" (Vector Scalar Scalar) -> Vector;
    ClampMax "clamp_max" (Vector Scalar) -> Vector;
    ClampMin "clamp_min" (Vector Scalar) -> Vector;
    Cos "cos" (Vector) -> Vector;
    Cosh "cosh" (Vector) -> Vector;
    CountOverTime "count_over_time" (Matrix) -> Vector;
    DayOfMonth "day_of_month" (Vector) [1] -> Vector;
    DayOfWeek "day_of_week" (Vector) [1] -> Vector;
    DayOfYear "day_of_year" (Vector) [1] -> Vector;
    DaysInMonth "days_in_month" (Vector) [1] -> Vector;
    Deg "deg" (Vector) -> Vector;
    Delta "delta" (Matrix) -> Vector;
    Deriv "deriv" (Matrix) -> Vector;
    DoubleExponentialSmoothing "double_exponential_smoothing" (Matrix Scalar Scalar) -> Vector experimental;
    End "end" () -> Scalar experimental;
    Exp "exp" (Vector) -> Vector;
    FirstOverTime "first_over_time" (Matrix) -> Vector experimental;
    Floor "floor" (Vector) -> Vector;
    HistogramAvg "histogram_avg" (Vector) -> Vector;
    HistogramCount "histogram_count" (Vector) -> Vector;
    HistogramFraction "histogram_fraction" (Scalar Scalar Vector) -> Vector;
    HistogramQuantile "histogram_quantile" (Scalar Vector) -> Vector;
    HistogramQuantiles "histogram_quantiles" (Vector String Scalar Scalar) [9] -> Vector experimental;
    HistogramStddev "histogram_stddev" (Vector) -> Vector;
    HistogramStdvar "histogram_stdvar" (Vector) -> Vector;
    HistogramSum "histogram_sum" (Vector) -> Vector;
    Hour "hour" (Vector) [1] -> Vector;
    Idelta "idelta" (Matrix) -> Vector;
    Increase "increase" (Matrix) -> Vector;
    Info "info" (Vector Vector) [1] -> Vector experimental;
    Irate "irate" (Matrix) -> Vector;
    LabelJoin "label_join" (Vector String String String) [any] -> Vector;
    LabelReplace "label_replace" (Vector String String String String) -> Vector;
    LastOverTime "last_over_time" (Matrix) -> Vector;
    Ln "ln" (Vector) -> Vector;
    Log10 "log10" (Vector) -> Vector;
    Log2 "log2" (Vector) -> Vector;
    MadOverTime "mad_over_time" (Matrix) -> Vector experimental;
    MaxOverTime "max_over_time" (Matrix) -> Vector;
    MaxOf "max_of" (Scalar Scalar) -> Scalar experimental;
    MinOf "min_of" (Scalar Scalar) -> Scalar experimental;
    MinOverTime "min_over_time" (Matrix) -> Vector;
    Minute "minute" (Vector) [1] -> Vector;
    Month "month" (Vector) [1] -> Vector;
    Pi "pi" () -> Scalar;
    PredictLinear "predict_linear" (Matrix Scalar) -> Vector;
    PresentOverTime "present_over_time" (Matrix) -> Vector;
    QuantileOverTime "quantile_over_time" (Scalar Matrix) -> Vector;
    Rad "rad" (Vector) -> Vector;
    Range "range" () -> Scalar experimental;
    Rate "rate" (Matrix) -> Vector;
    Resets "resets" (Matrix) -> Vector;
    Round "round" (Vector Scalar) [1] -> Vector;
    Scalar "scalar" (Vector) -> Scalar;
    Sgn "sgn" (Vector) -> Vector;
    Sin "sin" (Vector) -> Vector;
    Sinh "sinh" (Vector) -> Vector;
    Sort "sort" (Vector) -> Vector;
    SortByLabel "sort_by_label" (Vector String) [any] -> Vector experimental;
    SortByLabelDesc "sort_by_label_desc" (Vector String) [any] -> Vector experimental;
    SortDesc "sort_desc" (Vector) -> Vector;
    Sqrt "sqrt" (Vector) -> Vector;
    Start "start" () -> Scalar experimental;
    StartTimestamp "start_timestamp" (Vector) -> Vector experimental;
    StddevOverTime "stddev_over_time" (Matrix) -> Vector;
    StdvarOverTime "stdvar_over_time" (Matrix) -> Vector;
    Step "step" () -> Scalar experimental;
    SumOverTime "sum_over_time" (Matrix) -> Vector;
    Tan "tan" (Vector) -> Vector;
    Tanh "tanh" (Vector) -> Vector;
    Time "time" () -> Scalar;
    Timestamp "timestamp" (Vector) -> Vector;
    TsOfFirstOverTime "ts_of_first_over_time" (Matrix) -> Vector experimental;
    TsOfLastOverTime "ts_of_last_over_time" (Matrix) -> Vector experimental;
    TsOfMaxOverTime "ts_of_max_over_time" (Matrix) -> Vector experimental;
    TsOfMinOverTime "ts_of_min_over_time" (Matrix) -> Vector experimental;
    Vector "vector" (Scalar) -> Vector;
    Year "year" (Vector) [1] -> Vector;
}
