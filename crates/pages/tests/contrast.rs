//! The colours of both themes: texts pass WCAG AA on every ground, marks of states pass 3:1.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

const TOKENS: &str = include_str!("../ui/tokens.css");

/// The light and the dark value that follow `name` and `light-dark(`.
fn colours(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once("light-dark(")?;
    let (light, rest) = rest.split_once(", ")?;
    let (dark, _) = rest.split_once(')')?;
    (light.starts_with('#') && dark.starts_with('#')).then_some((light, dark))
}

fn token(name: &str) -> [String; 2] {
    let start = format!("--{name}: ");
    let line = TOKENS.lines().find(|line| line.trim_start().starts_with(&start)).unwrap();
    let (light, dark) = colours(line).unwrap();
    [light.to_owned(), dark.to_owned()]
}

fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.039_28 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    (one / other).max(other / one)
}

#[test]
fn texts_can_be_read_on_every_ground_in_both_themes() {
    for text in ["ink", "ink-2", "ink-3", "accent", "good", "warn", "bad", "idle", "water"] {
        for ground in ["page", "card", "sunk", "idle-soft", "raised"] {
            for (text, ground) in token(text).iter().zip(&token(ground)) {
                assert!(contrast(text, ground) >= 4.5, "{text} on {ground}");
            }
        }
    }
    for tone in ["accent", "good", "warn", "bad"] {
        for (text, ground) in token(tone).iter().zip(&token(&format!("{tone}-soft"))) {
            assert!(contrast(text, ground) >= 4.5, "{text} on {ground}");
        }
    }
    for button in token("accent-strong") {
        assert!(contrast("#ffffff", &button) >= 4.5, "white on {button}");
    }
}

#[test]
fn states_are_told_from_their_ground_in_both_themes() {
    let states: Vec<_> = TOKENS
        .lines()
        .filter(|line| line.starts_with("[data-state=\""))
        .filter_map(colours)
        .collect();
    assert!(states.len() >= 13, "{states:?}");
    let [light_card, dark_card] = token("card");
    for (light, dark) in states {
        assert!(contrast(light, &light_card) >= 3.0, "{light}");
        assert!(contrast(dark, &dark_card) >= 3.0, "{dark}");
    }
}
