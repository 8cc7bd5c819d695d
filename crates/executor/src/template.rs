//! Templates in a task's arguments: Airflow's variables, macros and filters, rendered by minijinja.
//!
//! Values that only the desk has (variables, connections, results of other tasks) are asked for while
//! a template renders, which cannot wait. So a rendering that lacks one is thrown away, the value is
//! fetched, and the template is rendered again, until nothing is missing: a template has no effects.
//!
//! A name that is not known is an error, as with Airflow's `StrictUndefined`. Time and size of a
//! rendering are bounded by minijinja's fuel.

mod context;
mod fault;
mod files;
mod lookup;
mod macros;
mod moment;
mod operators;
mod pytext;

pub use fault::TemplateFault;

use crate::{Desk, Settings, TaskTry};
use lookup::Lookups;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Steps of one rendering; about a second.
const FUEL: u64 = 2_000_000;
/// Values that one task's templates may ask the desk for.
const LOOKUPS_MAX: usize = 256;
/// Lists and maps inside each other in an argument.
const DEPTH_MAX: usize = 32;

/// The task's arguments with every template rendered; `None` when no argument may hold one.
///
/// # Errors
/// [`TemplateFault`] names the argument, the place in it, and what is wrong.
pub async fn render(
    settings: &Settings,
    task: &TaskTry,
    desk: &dyn Desk,
) -> Result<Option<Map<String, Value>>, TemplateFault> {
    let parameters = task.task.operator.parameters();
    let templated =
        |name: &str| parameters.iter().any(|known| known.templated && known.name == name);
    if !task.task.arguments.keys().any(|name| templated(name)) {
        return Ok(None);
    }
    let lookups = Arc::new(Lookups::default());
    let renderer = Renderer::new(settings, task, &lookups);
    let mut arguments = task.task.arguments.clone();
    for (name, value) in &mut arguments {
        if templated(name) {
            let source = files::load(settings, task, name, value)?;
            *value = renderer.settled(name, &source, desk).await?;
        }
    }
    Ok(Some(arguments))
}

/// What renders the arguments of one try.
struct Renderer<'a> {
    environment: Environment<'static>,
    context: minijinja::Value,
    lookups: &'a Lookups,
}

impl<'a> Renderer<'a> {
    fn new(settings: &Settings, task: &TaskTry, lookups: &'a Arc<Lookups>) -> Self {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_debug(true);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(64);
        environment.set_unknown_method_callback(pytext::method);
        environment.set_formatter(pytext::write);
        macros::add_filters(&mut environment);
        let context = context::of(settings, task, lookups);
        Self { environment, context, lookups }
    }

    /// An argument, once the desk has been asked for all that it needs.
    async fn settled(
        &self,
        name: &str,
        value: &Value,
        desk: &dyn Desk,
    ) -> Result<Value, TemplateFault> {
        loop {
            let rendered = self.value(name, value, 0);
            let missing = self.lookups.missing();
            if missing.is_empty() {
                return rendered;
            }
            for lookup in missing {
                if self.lookups.known() >= LOOKUPS_MAX {
                    return Err(TemplateFault::refused(format!(
                        "{name} asks for more than {LOOKUPS_MAX} variables, connections and results"
                    )));
                }
                self.lookups.fetch(lookup, desk).await?;
            }
        }
    }

    fn value(&self, name: &str, value: &Value, depth: usize) -> Result<Value, TemplateFault> {
        if depth > DEPTH_MAX {
            return Err(TemplateFault::refused(format!(
                "{name} holds lists and maps more than {DEPTH_MAX} deep"
            )));
        }
        match value {
            Value::String(text) => self.text(name, text).map(Value::String),
            Value::Array(list) => list
                .iter()
                .enumerate()
                .map(|(at, value)| self.value(&format!("{name}[{at}]"), value, depth + 1))
                .collect(),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| {
                    let value = self.value(&format!("{name}.{key}"), value, depth + 1)?;
                    Ok((key.clone(), value))
                })
                .collect(),
            other => Ok(other.clone()),
        }
    }

    fn text(&self, name: &str, source: &str) -> Result<String, TemplateFault> {
        // Most texts hold no template.
        if !source.contains("{{") && !source.contains("{%") && !source.contains("{#") {
            return Ok(source.to_owned());
        }
        let source = operators::as_methods(source);
        self.environment
            .template_from_named_str(name, &source)
            .and_then(|template| template.render(&self.context))
            .map_err(|error| fault::explain(name, &error, &self.context))
    }
}

#[cfg(test)]
mod tests;
