//! One user, field by field.
//!
//! Source: randomuser.me API 1.4, "Results" (fields and their order).

use serde_json::{Value, json};

use crate::civil::civil;
use crate::draw::{Draw, Field};
use crate::names::{Names, Nationality};

const DOB_FROM_MS: i64 = -788_918_400_000; // 1945-01-01
const DOB_SPAN_MS: u64 = 1_987_200_000_000; // 23,000 days
const REGISTERED_FROM_MS: i64 = 1_020_211_200_000; // 2002-05-01
const REGISTERED_SPAN_MS: u64 = 725_760_000_000; // 8,400 days
const AGE_AT_MS: i64 = 1_767_225_600_000; // Ages are those of 2026-01-01.
const YEAR_MS: i64 = 31_556_952_000; // The mean Gregorian year.
const SITE: &str = "https://randomuser.example/api/portraits";

/// A user and the id it is known by.
pub(crate) struct User {
    pub(crate) uuid: String,
    pub(crate) document: Value,
}

/// The user of a position, before any corruption.
pub(crate) fn user(names: &Names, draw: Draw) -> User {
    let nation = draw.pick(&names.nationalities, Field::Nat, 0);
    let male = draw.below(2, Field::Gender, 0) == 0;
    let (firsts, titles) = if male {
        (&nation.male, &names.titles.male)
    } else {
        (&nation.female, &names.titles.female)
    };
    let first = draw.pick(firsts, Field::First, 0);
    let last = draw.pick(&nation.last, Field::Last, 0);
    let username = username(names, draw);
    let uuid = uuid(draw);
    let document = json!({
        "gender": if male { "male" } else { "female" },
        "name": {"title": draw.pick(titles, Field::Title, 0), "first": first, "last": last},
        "location": location(names, nation, draw),
        "email": email(first, last, &username),
        "login": {
            "uuid": uuid,
            "username": username,
            "password": draw.pick(&names.passwords, Field::Password, 0),
            "salt": draw.hexadecimal(8, Field::Salt),
            "md5": draw.hexadecimal(32, Field::Md5),
            "sha1": draw.hexadecimal(40, Field::Sha1),
            "sha256": draw.hexadecimal(64, Field::Sha256),
        },
        "dob": moment(draw, DOB_FROM_MS, DOB_SPAN_MS, Field::Dob),
        "registered": moment(draw, REGISTERED_FROM_MS, REGISTERED_SPAN_MS, Field::Registered),
        "phone": draw.pattern(&nation.phone, Field::Phone),
        "cell": draw.pattern(&nation.cell, Field::Cell),
        "id": {
            "name": nation.id_name,
            "value": nation.id_value.as_ref().map(|value| draw.pattern(value, Field::Id)),
        },
        "picture": picture(male, draw),
        "nat": nation.nat,
    });
    User { uuid, document }
}

fn location(names: &Names, nation: &Nationality, draw: Draw) -> Value {
    let (city, state) = draw.pick(&nation.places, Field::Place, 0);
    let (offset, description) = draw.pick(&names.timezones, Field::Timezone, 0);
    let postcode = draw.pattern(&nation.postcode, Field::Postcode);
    let postcode = match postcode.parse::<u64>() {
        Ok(number) if nation.postcode_integer => json!(number),
        _ => json!(postcode),
    };
    json!({
        "street": {
            "number": 1 + draw.below(9_999, Field::Number, 0),
            "name": draw.pick(&nation.streets, Field::Street, 0),
        },
        "city": city,
        "state": state,
        "country": nation.country,
        "postcode": postcode,
        "coordinates": {
            "latitude": degrees(draw, 90, Field::Latitude),
            "longitude": degrees(draw, 180, Field::Longitude),
        },
        "timezone": {"offset": offset, "description": description},
    })
}

/// A coordinate of ten-thousandths of a degree, as text.
fn degrees(draw: Draw, bound: u64, field: Field) -> String {
    let value = draw.below(2 * bound * 10_000 + 1, field, 0);
    let sign = if value < bound * 10_000 { "-" } else { "" };
    let size = value.abs_diff(bound * 10_000);
    format!("{sign}{}.{:04}", size / 10_000, size % 10_000)
}

fn username(names: &Names, draw: Draw) -> String {
    let color = draw.pick(&names.colors, Field::Username, 0);
    let animal = draw.pick(&names.animals, Field::Username, 1);
    format!("{color}{animal}{:03}", draw.below(1_000, Field::Username, 2))
}

/// `first.last@example.com` in ASCII letters, or the user name where no letter is ASCII.
fn email(first: &str, last: &str, username: &str) -> String {
    let letters = |text: &str| {
        text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase()
    };
    let (first, last) = (letters(first), letters(last));
    if first.is_empty() || last.is_empty() {
        return format!("{username}@example.com");
    }
    format!("{first}.{last}@example.com")
}

/// A version 4 UUID. Source: RFC 9562, section 5.4.
fn uuid(draw: Draw) -> String {
    let high = draw.number(Field::Uuid, 0) & !(0xF << 12) | 4 << 12;
    let low = draw.number(Field::Uuid, 1) & !(3 << 62) | 2 << 62;
    let (a, b, c) = (high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF);
    let (d, e) = (low >> 48, low & 0xFFFF_FFFF_FFFF);
    format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
}

fn moment(draw: Draw, from_ms: i64, span_ms: u64, field: Field) -> Value {
    let at = from_ms.saturating_add_unsigned(draw.below(span_ms, field, 0));
    json!({"date": civil(at), "age": (AGE_AT_MS - at).div_euclid(YEAR_MS)})
}

fn picture(male: bool, draw: Draw) -> Value {
    let who = if male { "men" } else { "women" };
    let number = draw.below(100, Field::Picture, 0);
    json!({
        "large": format!("{SITE}/{who}/{number}.jpg"),
        "medium": format!("{SITE}/med/{who}/{number}.jpg"),
        "thumbnail": format!("{SITE}/thumb/{who}/{number}.jpg"),
    })
}
