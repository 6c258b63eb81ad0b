//! Holds a label set against the limits that need nothing but the label set.

use nunatak_index::Labels;

use super::{Limits, RefusalReason};

/// Most bytes of a label set in a message.
const SHOWN_BYTES: usize = 500;

/// A label set as messages show it: a long one is cut.
pub(crate) fn shown(labels: &Labels) -> String {
    let mut text = labels.to_string();
    if text.len() > SHOWN_BYTES {
        let end = (0..=SHOWN_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Gives the label set back, or says which limit it breaks.
pub(crate) fn check(
    labels: Labels,
    limits: &Limits,
) -> std::result::Result<Labels, (RefusalReason, String)> {
    use RefusalReason::{InvalidLabels, LabelNameTooLong, LabelValueTooLong, TooManyLabels};
    if labels.is_empty() {
        return Err((InvalidLabels, "a series needs at least one label".to_owned()));
    }
    if labels.len() > limits.labels_per_series {
        let (found, limit) = (labels.len(), limits.labels_per_series);
        let text = format!(
            "series {}: {found} labels, the limit is {limit} (labels_per_series); drop labels, or \
             raise the limit",
            shown(&labels)
        );
        return Err((TooManyLabels, text));
    }
    let too_long = |what: &str, found: usize, limit: usize, key: &str| {
        format!(
            "series {}: {what} has {found} bytes, the limit is {limit} ({key}); drop or shorten \
             it, or raise the limit",
            shown(&labels)
        )
    };
    for (label, value) in labels.iter() {
        if label.len() > limits.label_name_bytes {
            let limit = limits.label_name_bytes;
            let text = too_long("a label name", label.len(), limit, "label_name_bytes");
            return Err((LabelNameTooLong, text));
        }
        if value.len() > limits.label_value_bytes {
            let (what, limit) = (format!("label {label}"), limits.label_value_bytes);
            let text = too_long(&what, value.len(), limit, "label_value_bytes");
            return Err((LabelValueTooLong, text));
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use nunatak_index::labels;

    use super::*;

    #[test]
    fn a_long_value_is_named_and_not_shown_whole() {
        let long = "ä".repeat(40_000);
        let set = labels! { "__name__" => "up", "path" => &long };
        let (reason, text) = check(set, &Limits::default()).unwrap_err();
        assert_eq!(reason, RefusalReason::LabelValueTooLong);
        assert!(text.starts_with("series up{path=\"ä") && text.len() < 800, "{text}");
        let rest = "…: label path has 80000 bytes, the limit is 65536 (label_value_bytes); drop or";
        assert!(text.contains(rest), "{text}");
    }
}
