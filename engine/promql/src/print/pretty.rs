//! From tree to text of many lines: what `format_query` answers.
//!
//! Whatever is longer than a line is cut into its parts, each on lines of its own and indented.

use super::{aggregate_operator, binary_operator, subquery_suffix};
use crate::ast::{Expr, ExprKind};

const LINE: usize = 100;

/// Writes an expression in the form of Prometheus' `format_query`: on one line if it is short,
/// else cut and indented.
///
/// ```
/// # use nunatak_promql::{ParserOptions, parse, prettify};
/// let query = format!("sum by(job)(rate({}[5m]))", "a".repeat(95));
/// let expr = parse(&query, &ParserOptions::default())?;
/// assert_eq!(
///     prettify(&expr),
///     format!("sum by (job) (\n  rate(\n    {}[5m]\n  )\n)", "a".repeat(95))
/// );
/// # Ok::<(), nunatak_promql::ParseError>(())
/// ```
#[must_use]
pub fn prettify(expr: &Expr) -> String {
    pretty(expr, 0)
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

fn pretty(expr: &Expr, level: usize) -> String {
    let text = expr.to_string();
    let pad = indent(level);
    match &expr.kind {
        // The sign joins the text of its operand, which may be cut.
        ExprKind::Unary(unary) => {
            format!("{pad}{}{}", unary.op, pretty(&unary.expr, level).trim())
        }
        // As in Prometheus a short subquery is not indented.
        ExprKind::Subquery(_) if text.len() <= LINE => text,
        _ if text.len() <= LINE => pad + &text,
        ExprKind::Subquery(subquery) => pretty(&subquery.expr, level) + &subquery_suffix(subquery),
        ExprKind::Aggregate(aggregate) => {
            let mut out = format!("{pad}{}(\n", aggregate_operator(aggregate));
            if let Some(param) = &aggregate.param {
                out = out + &pretty(param, level + 1) + ",\n";
            }
            out + &pretty(&aggregate.expr, level + 1) + "\n" + &pad + ")"
        }
        ExprKind::Binary(binary) => {
            let lhs = pretty(&binary.lhs, level + 1);
            let rhs = pretty(&binary.rhs, level + 1);
            format!("{lhs}\n{pad}{}\n{rhs}", binary_operator(binary))
        }
        ExprKind::Call(call) => {
            let args: Vec<String> = call.args.iter().map(|arg| pretty(arg, level + 1)).collect();
            format!("{pad}{}(\n{}\n{pad})", call.func.name, args.join(",\n"))
        }
        ExprKind::Paren(inner) => format!("{pad}(\n{}\n{pad})", pretty(inner, level + 1)),
        _ => pad + &text,
    }
}
