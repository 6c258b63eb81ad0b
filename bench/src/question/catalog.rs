//! The questions, in the order of the report.
//!
//! They are what the dashboards of node exporter, of a service's latencies and of an explorer ask:
//! at one time and over ranges, from one series to all of them.

use super::{Ask, Question};
use crate::prepared::Extent;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Times that the questions are asked for.
struct Clock {
    /// The last whole minute with samples, ms since the epoch.
    end: i64,
}

impl Clock {
    fn new(extent: &Extent) -> Self {
        Self { end: extent.to_ms.div_euclid(MINUTE) * MINUTE }
    }

    fn instant(&self, id: &'static str, query: &str) -> Question {
        let ask = Ask::Instant { query: query.to_owned(), at_ms: self.end };
        Question { id, ask, influxql: None }
    }

    fn range(&self, id: &'static str, length_ms: i64, step_ms: i64, query: &str) -> Question {
        let (start_ms, end_ms) = (self.end - length_ms, self.end);
        let ask = Ask::Range { query: query.to_owned(), start_ms, end_ms, step_ms };
        Question { id, ask, influxql: None }
    }

    fn values(&self, id: &'static str, label: &str, selector: Option<&str>) -> Question {
        let (start_ms, end_ms) = (self.end - 30 * MINUTE, self.end);
        let selector = selector.map(str::to_owned);
        let ask = Ask::LabelValues { label: label.to_owned(), selector, start_ms, end_ms };
        Question { id, ask, influxql: None }
    }

    fn series(&self, id: &'static str, selector: &str) -> Question {
        let (start_ms, end_ms) = (self.end - 30 * MINUTE, self.end);
        let ask = Ask::Series { selector: selector.to_owned(), start_ms, end_ms };
        Question { id, ask, influxql: None }
    }

    /// A condition of InfluxQL: the last `length_ms`.
    fn last(&self, length_ms: i64) -> String {
        format!("time > {}ms AND time <= {}ms", self.end - length_ms, self.end)
    }

    /// InfluxQL's way to sum up the rates of a counter by a label.
    fn influx_rates(&self, metric: &str, by: &str, length_ms: i64, step_ms: i64) -> String {
        let (step, last) = (step_ms / 1_000, self.last(length_ms));
        format!(
            "SELECT sum(r) FROM (SELECT non_negative_derivative(last(value), 1s) AS r \
             FROM {metric} WHERE {last} GROUP BY time({step}s), *) \
             WHERE {last} GROUP BY time({step}s), {by}"
        )
    }
}

impl Question {
    fn influx(self, text: String) -> Self {
        Self { influxql: Some(text), ..self }
    }
}

/// Questions over many series and half an hour.
#[must_use]
pub fn wide(extent: &Extent) -> Vec<Question> {
    let clock = Clock::new(extent);
    let mut questions = wide_instants(&clock);
    questions.extend(wide_ranges(&clock));
    questions.extend(explorer(&clock));
    questions
}

fn wide_instants(clock: &Clock) -> Vec<Question> {
    let load = clock.last(5 * MINUTE);
    vec![
        clock.instant("one_series", "node_load1{instance=\"10.20.0.1:9100\"}").influx(format!(
            "SELECT last(value) FROM node_load1 WHERE instance = '10.20.0.1:9100' AND {load}"
        )),
        clock.instant("count_all", "count({job=\"node-exporter\"})"),
        clock.instant("count_by_name", "count by (__name__) ({__name__=~\"node_.*\"})"),
        clock.instant("cpu_by_mode", "sum by (mode) (rate(node_cpu_seconds_total[5m]))"),
        clock.instant(
            "busiest_hosts",
            "topk(10, sum by (instance) (rate(node_network_receive_bytes_total[5m])))",
        ),
        clock.instant(
            "latency_by_handler",
            "histogram_quantile(0.99, sum by (le, handler) \
             (rate(http_request_duration_seconds_bucket[5m])))",
        ),
        clock.instant(
            "full_disks",
            "node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.5",
        ),
        clock.instant("load_quantile", "quantile(0.9, node_load5)"),
        clock.instant("highest_load", "max_over_time(node_load1[10m])").influx(format!(
            "SELECT max(value) FROM node_load1 WHERE {} GROUP BY instance",
            clock.last(10 * MINUTE)
        )),
        clock.instant(
            "regex_rate",
            "sum by (device) (rate(node_disk_read_bytes_total{device!~\"dm-.*\",\
             instance=~\"10[.]20[.]0[.](1|2|3).:9100\"}[5m]))",
        ),
        clock.instant(
            "join",
            "rate(node_disk_written_bytes_total[5m]) * on (instance) group_left (node_uid) up",
        ),
        clock.instant("units_failed", "node_systemd_unit_state{state=\"failed\"} == 1 or up == 0"),
    ]
}

fn wide_ranges(clock: &Clock) -> Vec<Question> {
    let half = 25 * MINUTE;
    let query = "sum by (mode) (rate(node_cpu_seconds_total[5m]))";
    let influx = clock.influx_rates("node_cpu_seconds_total", "mode", half, MINUTE);
    vec![
        clock.range("cpu_by_mode_range", half, MINUTE, query).influx(influx),
        clock
            .range(
                "network_by_device_range",
                half,
                15_000,
                "sum by (device) (rate(node_network_transmit_bytes_total[1m]))",
            )
            .influx(clock.influx_rates(
                "node_network_transmit_bytes_total",
                "device",
                half,
                15_000,
            )),
        clock.range(
            "busy_by_host_range",
            half,
            MINUTE,
            "1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m]))",
        ),
        clock.range(
            "latency_range",
            half,
            MINUTE,
            "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
        ),
        clock.range(
            "mean_latency_range",
            half,
            MINUTE,
            "sum by (handler) (rate(http_request_duration_seconds_sum[5m])) / \
             sum by (handler) (rate(http_request_duration_seconds_count[5m]))",
        ),
        clock.range(
            "memory_range",
            half,
            15_000,
            "sum by (region) (node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes)",
        ),
        clock.range("top_load_range", half, MINUTE, "topk(5, node_load1)"),
    ]
}

fn explorer(clock: &Clock) -> Vec<Question> {
    vec![
        // Of one job, because a target may store metrics of its own beside.
        clock.values("names", "__name__", Some("{job=\"node-exporter\"}")),
        clock
            .values("instances", "instance", Some("node_load1"))
            .influx("SHOW TAG VALUES FROM node_load1 WITH KEY = \"instance\"".to_owned()),
        clock
            .series("series", "{__name__=~\"node_filesystem_.*\",mountpoint=\"/\"}")
            .influx("SHOW SERIES FROM /^node_filesystem_.*/ WHERE mountpoint = '/'".to_owned()),
    ]
}

/// What a dashboard asks again and again while other things happen: five minutes until `end_ms`.
#[must_use]
pub fn steady(end_ms: i64) -> Question {
    let (clock, step) = (Clock { end: end_ms }, 15_000);
    let query = "sum by (mode) (rate(node_cpu_seconds_total[1m]))";
    clock.range("steady", 5 * MINUTE, step, query).influx(clock.influx_rates(
        "node_cpu_seconds_total",
        "mode",
        5 * MINUTE,
        step,
    ))
}

/// Questions over few series and a day.
#[must_use]
pub fn deep(extent: &Extent) -> Vec<Question> {
    let clock = Clock::new(extent);
    // A day, or what there is of it in a smaller run, but for the first windows' length.
    let day = (extent.to_ms - extent.from_ms - HOUR).div_euclid(HOUR).clamp(1, 23) * HOUR;
    let mut questions = deep_ranges(&clock, day);
    questions.extend(deep_instants(&clock, day));
    questions
}

fn deep_ranges(clock: &Clock, day: i64) -> Vec<Question> {
    let last = clock.last(day);
    let cpu = "sum by (mode) (rate(node_cpu_seconds_total[5m]))";
    vec![
        clock.range("one_series_day", day, MINUTE, "node_memory_MemFree_bytes").influx(format!(
            "SELECT last(value) FROM node_memory_MemFree_bytes WHERE {last} GROUP BY time(60s)"
        )),
        clock.range("cpu_by_mode_day", day, 2 * MINUTE, cpu).influx(clock.influx_rates(
            "node_cpu_seconds_total",
            "mode",
            day,
            2 * MINUTE,
        )),
        clock
            .range(
                "max_of_hours_day",
                day,
                5 * MINUTE,
                "max_over_time(node_memory_Active_file_bytes[1h])",
            )
            .influx(format!(
                "SELECT max(value) FROM node_memory_Active_file_bytes WHERE {last} GROUP BY time(300s)"
            )),
        clock.range(
            "quantile_of_hours_day",
            day,
            5 * MINUTE,
            "quantile_over_time(0.95, node_load15[1h])",
        ),
        clock.range(
            "latency_day",
            day,
            2 * MINUTE,
            "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
        ),
        clock.range(
            "prediction_hours",
            day.min(6 * HOUR),
            MINUTE,
            "predict_linear(node_filesystem_avail_bytes[1h], 14400)",
        ),
        clock.range(
            "all_gauges_hours",
            day.min(6 * HOUR),
            MINUTE,
            "sum({__name__=~\"node_memory_.*|node_load.*\"})",
        ),
    ]
}

fn deep_instants(clock: &Clock, day: i64) -> Vec<Question> {
    let hours = day / HOUR;
    let last = clock.last(day);
    vec![
        clock
            .instant(
                "count_day",
                &format!("sum(count_over_time(node_cpu_seconds_total[{hours}h]))"),
            )
            .influx(format!("SELECT count(value) FROM node_cpu_seconds_total WHERE {last}")),
        clock
            .instant("mean_day", &format!("avg_over_time(node_memory_Cached_bytes[{hours}h])"))
            .influx(format!("SELECT mean(value) FROM node_memory_Cached_bytes WHERE {last}")),
        clock.instant(
            "increase_day",
            &format!("sum by (cpu) (increase(node_cpu_seconds_total[{hours}h]))"),
        ),
        clock.instant(
            "subquery",
            "max_over_time(sum(rate(node_cpu_seconds_total{mode=\"user\"}[5m]))[2h:1m])",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{deep, wide};
    use crate::prepared::Extent;

    #[test]
    fn names_are_unique_and_there_are_enough() {
        let extent = Extent { from_ms: 0, to_ms: 86_400_000, ..Extent::default() };
        let ids: Vec<_> =
            wide(&extent).iter().chain(&deep(&extent)).map(|question| question.id).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(ids.len() >= 25, "{}", ids.len());
    }
}
