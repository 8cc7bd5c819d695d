//! The lists that users are drawn from: `data/names.json`, shared with `judges/generator.py`.

use serde::Deserialize;

/// All lists.
#[derive(Debug, Deserialize)]
pub(crate) struct Names {
    pub(crate) nationalities: Vec<Nationality>,
    pub(crate) titles: Titles,
    pub(crate) colors: Vec<String>,
    pub(crate) animals: Vec<String>,
    pub(crate) passwords: Vec<String>,
    /// Offset and description.
    pub(crate) timezones: Vec<(String, String)>,
}

/// Forms of address.
#[derive(Debug, Deserialize)]
pub(crate) struct Titles {
    pub(crate) male: Vec<String>,
    pub(crate) female: Vec<String>,
}

/// One nationality. Patterns are those of [`crate::draw::Draw::pattern`].
#[derive(Debug, Deserialize)]
pub(crate) struct Nationality {
    pub(crate) nat: String,
    pub(crate) country: String,
    pub(crate) male: Vec<String>,
    pub(crate) female: Vec<String>,
    pub(crate) last: Vec<String>,
    pub(crate) streets: Vec<String>,
    /// City and state.
    pub(crate) places: Vec<(String, String)>,
    pub(crate) postcode: String,
    /// Whether the post code is a JSON number, as randomuser.me has it for most countries.
    pub(crate) postcode_integer: bool,
    pub(crate) phone: String,
    pub(crate) cell: String,
    pub(crate) id_name: String,
    pub(crate) id_value: Option<String>,
}

impl Names {
    /// Reads the embedded lists.
    ///
    /// # Errors
    /// Never with the embedded file, which a test reads.
    pub(crate) fn embedded() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("../data/names.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn the_embedded_lists_have_the_21_nationalities_and_no_empty_list() {
        let names = Names::embedded().unwrap();
        assert_eq!(names.nationalities.len(), 21);
        for nation in &names.nationalities {
            let lists = [&nation.male, &nation.female, &nation.last, &nation.streets];
            assert!(lists.iter().all(|list| !list.is_empty()), "{}", nation.nat);
            assert!(!nation.places.is_empty(), "{}", nation.nat);
        }
    }
}
