//! What changes a topic: its configs, more partitions, fewer records, its end.

use axum::extract::Path;
use axum::response::Response;
use door::Permission;
use kafkaadmin::{
    Change, ConfigChange, ConfigEntry, ConfigResource, ConfigSource, Topic, TopicPartition,
};
use pages::{Column, Field, Form, Html, Icon, Input, Table, Tone};

use super::messages::produce_form;
use super::topic::{Tabs, framed, home, on_its_own};
use super::{badge, or_dash, topic_tab};
use crate::fields::{Fields, Sent};
use crate::problem::Problem;
use crate::visit::{Made, Visit};

/// The dialogs of a topic's page, for those who may use them.
pub(crate) fn dialogs(out: &mut Html, visit: &Visit, topic: &Topic) {
    if visit.may(Permission::Produce) && !topic.internal {
        let form = produce_form(topic, &Fields::default());
        out.push(&dialog("produce", "Produce a message", &form));
    }
    if visit.may(Permission::EditTopics) {
        out.push(&dialog("change-topic", "Change the topic", &forms(topic)));
    }
}

fn dialog(id: &'static str, title: &'static str, body: &Html) -> Html {
    Html::with(
        "<dialog class=\"dialog wide\" id=\"{}\" aria-labelledby=\"{}-title\">\
         <div class=\"dialog-body\"><header class=\"dialog-head\"><h2 id=\"{}-title\">{}</h2>\
         <button class=\"icon-button\" type=\"button\" data-close aria-label=\"Close\">{}</button>\
         </header>{}</div></dialog>",
        &[&id, &id, &id, &title, &Icon::Cross, body],
    )
}

/// The forms that change a topic.
fn forms(topic: &Topic) -> Html {
    let name = &topic.name;
    Html::of(|out| {
        let count = topic.partitions.len();
        let fields = Html::of(|out| {
            out.push(&Field {
                input: Input::Number,
                value: &(count + 1).to_string(),
                required: true,
                help: "Keys then go to other partitions than before; partitions cannot be taken away.",
                ..Field::new("count", "Partitions in all")
            });
        });
        let action = pages::path(&["topics", name, "partitions", "add"]);
        let form = Form { action: &action, confirm: "", submit: "Add partitions", danger: false };
        out.push(&form.around(&fields));
        out.raw("<hr>");
        let choices: Vec<(String, String)> = topic
            .partitions
            .iter()
            .map(|one| (one.index.to_string(), format!("Partition {}", one.index)))
            .collect();
        let mut choices: Vec<(&str, &str)> =
            choices.iter().map(|(value, word)| (value.as_str(), word.as_str())).collect();
        choices.insert(0, ("", "All partitions"));
        let fields = Html::of(|out| {
            out.raw("<div class=\"columns\">");
            out.push(&Field {
                input: Input::Choice(&choices),
                ..Field::new("of", "Delete records of")
            });
            out.push(&Field {
                input: Input::Number,
                help: "Empty: all records.",
                ..Field::new("before", "Before offset")
            });
            out.raw("</div>");
        });
        let action = pages::path(&["topics", name, "records", "delete"]);
        let confirm = format!("Delete records of {name}? They cannot be brought back.");
        let form =
            Form { action: &action, confirm: &confirm, submit: "Delete records", danger: true };
        out.push(&form.around(&fields));
        out.raw("<hr>");
        let fields = Html::of(|out| {
            out.push(&Field {
                required: true,
                help: "Streams and consumers that use the topic stop working.",
                ..Field::new("confirm", "Type the topic's name to delete it")
            });
        });
        let action = topic_tab(name, "delete");
        let form = Form { action: &action, confirm: "", submit: "Delete topic", danger: true };
        out.push(&form.around(&fields));
    })
}

/// `GET /topics/{topic}/change`: the forms on a page of their own, for browsers without scripts.
pub(crate) async fn change_page(visit: Visit, Path(name): Path<String>) -> Response {
    let made = async {
        let topic = visit.desk.admin.describe_topic(&name).await?;
        let form = Html::with("<div class=\"card-body stack\">{}</div>", &[&forms(&topic)]);
        let card = pages::card("Change the topic", &Html::new(), &form);
        let body = Html::with("<div class=\"narrow\">{}</div>", &[&card]);
        Ok(on_its_own(&visit, &topic, Tabs::Partitions, &body))
    };
    let made: Made = made.await;
    visit.answer(made)
}

/// `POST /topics/{topic}/partitions/add`.
pub(crate) async fn add_partitions(
    visit: Visit,
    Path(name): Path<String>,
    Sent(sent): Sent,
) -> Response {
    let done = async {
        let count = sent.checked("count", "the number of partitions")?;
        let count = count.ok_or_else(|| Problem::bad("say how many partitions in all"))?;
        visit.desk.admin.create_partitions(&name, count, Change::Apply).await?;
        Ok(format!("Topic {name} has {count} partitions."))
    };
    let to = topic_tab(&name, "partitions");
    visit.done("topic.partitions", &to, &to, done.await)
}

/// `POST /topics/{topic}/records/delete`.
pub(crate) async fn delete_records(
    visit: Visit,
    Path(name): Path<String>,
    Sent(sent): Sent,
) -> Response {
    let done = async {
        let before = sent.checked("before", "the offset")?;
        let partition: Option<i32> = sent.checked("of", "the partition")?;
        let topic = visit.desk.admin.describe_topic(&name).await?;
        let mut count = 0;
        for one in &topic.partitions {
            if partition.is_none_or(|index| index == one.index) {
                let at = TopicPartition::new(&name, one.index);
                visit.desk.admin.delete_records(&at, before).await?;
                count += 1;
            }
        }
        let partitions = crate::numbers::of(count, "partition");
        Ok(match before {
            Some(before) => format!("Records before offset {before} are deleted in {partitions}."),
            None => format!("All records are deleted in {partitions}."),
        })
    };
    let to = topic_tab(&name, "partitions");
    visit.done("topic.delete_records", &to, &to, done.await)
}

/// `POST /topics/{topic}/delete`.
pub(crate) async fn delete(visit: Visit, Path(name): Path<String>, Sent(sent): Sent) -> Response {
    let done = async {
        if sent.text("confirm") != name {
            return Err(Problem::bad(format!(
                "nothing was deleted: to delete the topic, type its name, {name}"
            )));
        }
        visit.desk.admin.delete_topic(&name).await?;
        Ok(format!("Topic {name} is deleted."))
    };
    visit.done("topic.delete", "/topics", &home(&name), done.await)
}

/// `GET /topics/{topic}/configs`.
pub(crate) async fn configs(visit: Visit, Path(name): Path<String>) -> Response {
    let made = async {
        let topic = visit.desk.admin.describe_topic(&name).await?;
        let resource = ConfigResource::Topic(name.clone());
        let configs = visit.desk.admin.describe_configs(&resource).await?;
        let action = topic_tab(&name, "configs");
        let edit = visit.may(Permission::EditTopics).then_some(action.as_str());
        Ok(framed(&visit, &topic, Tabs::Configs, &configs_table(&configs, edit, 300)))
    };
    let made: Made = made.await;
    visit.answer(made)
}

/// Configs with where they come from. `edit` is where changes are sent to.
pub(crate) fn configs_table(configs: &[ConfigEntry], edit: Option<&str>, rows_max: usize) -> Html {
    let columns = [
        Column::left("Config"),
        Column::left("Value"),
        Column::left("From"),
        Column::left("Otherwise"),
        Column::actions("Change"),
    ];
    let mut table = Table::new(&columns);
    // Those of the resource's own first.
    let own = configs.iter().filter(|config| !config.is_default);
    for config in own.chain(configs.iter().filter(|config| config.is_default)).take(rows_max) {
        let name = Html::of(|out| {
            out.put("<code class=\"path\">{}</code>", &[&config.name]);
            out.push(
                &config
                    .documentation
                    .as_deref()
                    .map(first_sentence)
                    .map(|text| Html::with("<small class=\"help clamp\">{}</small>", &[&text])),
            );
        });
        let value = match &config.value {
            _ if config.sensitive => badge(Tone::Plain, "secret"),
            Some(value) if value.is_empty() => Html::with("<span class=\"nil\">empty</span>", &[]),
            Some(value) => Html::with("<code class=\"path\">{}</code>", &[value]),
            None => or_dash::<&str>(None),
        };
        let tone = if config.is_default { Tone::Plain } else { Tone::Info };
        let from = if config.source == ConfigSource::DefaultConfig { Tone::Plain } else { tone };
        let otherwise = config.default_value.as_ref().filter(|_| !config.is_default);
        table.row(&[
            &name,
            &value,
            &badge(from, config.source.words()),
            &or_dash(otherwise.map(|value| Html::with("<code>{}</code>", &[value]))),
            &edit.filter(|_| !config.read_only).map(|action| editor(config, action)),
        ]);
    }
    table.finish()
}

/// A config's own small form, folded away.
fn editor(config: &ConfigEntry, action: &str) -> Html {
    Html::of(|out| {
        let label = format!("New value of {}", config.name);
        out.put(
            "<details class=\"edit\"><summary class=\"button quiet\">Edit</summary>\
             <form class=\"edit-form\" method=\"post\" action=\"{}\" data-fetch>\
             <input type=\"hidden\" name=\"name\" value=\"{}\">\
             <input class=\"input\" name=\"value\" value=\"{}\" aria-label=\"{}\" \
             autocomplete=\"off\" spellcheck=\"false\">\
             <button class=\"button primary\" name=\"do\" value=\"set\">Set</button>",
            &[&action, &config.name, &config.value.as_deref().unwrap_or_default(), &label],
        );
        if !config.is_default {
            out.raw("<button class=\"button\" name=\"do\" value=\"delete\">Use default</button>");
        }
        out.raw("</form></details>");
    })
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}

/// `POST /topics/{topic}/configs`.
pub(crate) async fn set_config(
    visit: Visit,
    Path(name): Path<String>,
    Sent(sent): Sent,
) -> Response {
    let config = sent.text("name").to_owned();
    let done = async {
        let resource = ConfigResource::Topic(name.clone());
        let (change, text) = if sent.text("do") == "delete" {
            (ConfigChange::Delete(config.clone()), format!("{config} has its default again."))
        } else {
            let value = sent.text("value").to_owned();
            let text = format!("{config} is {value} now.");
            (ConfigChange::Set(config.clone(), value), text)
        };
        let admin = &visit.desk.admin;
        admin.incremental_alter_configs(&resource, &[change], Change::Apply).await?;
        Ok(text)
    };
    let to = topic_tab(&name, "configs");
    visit.done("topic.config", &to, &to, done.await)
}
