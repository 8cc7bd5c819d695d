//! Moments and lengths of time, as people read them. The script keeps them up to date.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::Html;

/// How long ago a moment was, or how long it is until then: `3 min ago`, `in 2 h`.
#[must_use]
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> Html {
    let apart = (now - at).num_seconds();
    let text = match apart {
        -1..=1 => "now".to_owned(),
        2.. => format!("{} ago", coarse(apart)),
        _ => format!("in {}", coarse(apart.saturating_neg())),
    };
    Html::with(
        "<time data-ago datetime=\"{}\" title=\"{}\">{}</time>",
        &[&iso(at), &full(at), &text],
    )
}

/// A moment: `2026-11-29 14:27:03`, in UTC.
#[must_use]
pub fn time(at: DateTime<Utc>) -> Html {
    Html::with(
        "<time datetime=\"{}\" title=\"{}\">{}</time>",
        &[&iso(at), &full(at), &at.format("%Y-%m-%d %H:%M:%S").to_string()],
    )
}

/// How long something took, or has taken until now.
#[must_use]
pub fn duration(
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Html {
    match (start, end) {
        (None, _) => Html::with("<span class=\"nil\">-</span>", &[]),
        (Some(start), Some(end)) => Html::with("{}", &[&seconds_text(end - start)]),
        (Some(start), None) => Html::with(
            "<time data-since datetime=\"{}\">{}</time>",
            &[&iso(start), &seconds_text(TimeDelta::seconds((now - start).num_seconds()))],
        ),
    }
}

/// A length of time: `0.42 s`, `12 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`.
#[must_use]
pub fn seconds_text(length: TimeDelta) -> String {
    let millis = length.num_milliseconds().max(0);
    let seconds = millis / 1000;
    match seconds {
        0..10 if millis % 1000 != 0 => {
            format!("{}.{:02} s", seconds, millis % 1000 / 10)
        }
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

fn coarse(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn full(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_short() {
        for (millis, text) in [
            (0, "0 s"),
            (420, "0.42 s"),
            (9_990, "9.99 s"),
            (10_500, "10 s"),
            (185_000, "3 min 05 s"),
            (7_800_000, "2 h 10 min"),
            (273_600_000, "3 d 4 h"),
            (-5, "0 s"),
        ] {
            assert_eq!(seconds_text(TimeDelta::milliseconds(millis)), text);
        }
    }

    #[test]
    fn the_past_and_the_future_are_told_apart() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(9);
        let text = |seconds| ago(now - TimeDelta::seconds(seconds), now).into_string();
        assert!(text(0).contains(">now<"));
        assert!(text(130).contains(">2 min ago<"));
        assert!(text(-7200).contains(">in 2 h<"));
        assert!(text(86_400 * 3).contains(">3 d ago<"));
    }

    #[test]
    fn what_has_not_ended_goes_on_counting() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(75);
        let open = duration(Some(DateTime::UNIX_EPOCH), None, now);
        assert!(open.as_str().contains("data-since") && open.as_str().contains("1 min 15 s"));
        assert!(duration(None, None, now).as_str().contains("nil"));
    }
}
