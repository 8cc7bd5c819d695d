//! The frame around every page: navigation, place, search, who is signed in, light and dark.

use crate::assets::{CORE, MARK, STYLE, THEME, X_DAG, X_GRID, X_LOG};
use crate::{Html, Icon, Part, Raw, Tone};

/// Which of the two servers a page is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// DAGs: port 8080.
    Orchestrator,
    /// Topics, streams and tables: port 9021.
    Console,
}

impl Product {
    const fn name(self) -> &'static str {
        match self {
            Self::Orchestrator => "Orchestrator",
            Self::Console => "Control Center",
        }
    }
}

/// A link of the navigation.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// What a page's [`Shell::section`] says if it is current.
    pub key: &'a str,
    /// Where it leads.
    pub href: &'a str,
    /// Its word.
    pub label: &'a str,
    /// Its picture.
    pub icon: Icon,
    /// The heading it stands under; empty for none. Links of a group stand together.
    pub group: &'a str,
    /// The letter that leads there after `g`; `None` for none.
    pub shortcut: Option<char>,
}

/// Who is signed in.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    /// The name.
    pub name: &'a str,
    /// The role.
    pub role: &'a str,
}

/// The search at the top.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The page that answers, with GET.
    pub action: &'a str,
    /// The name of its parameter.
    pub name: &'a str,
    /// What it searches.
    pub label: &'a str,
}

/// One sentence about what was just done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// How it went.
    pub tone: Tone,
    /// The sentence.
    pub text: String,
}

/// The frame of one page.
#[derive(Debug, Clone, Copy)]
pub struct Shell<'a> {
    /// Which server it is of.
    pub product: Product,
    /// What the browser calls it.
    pub title: &'a str,
    /// The key of the current link.
    pub section: &'a str,
    /// The navigation.
    pub links: &'a [Link<'a>],
    /// The pages above this one: word and address.
    pub crumbs: &'a [(&'a str, String)],
    /// Who is signed in; none shows neither a name nor a way out.
    pub user: Option<User<'a>>,
    /// The address of the other server's page, such as `//localhost:9021/`.
    pub other: Option<&'a str>,
    /// The search at the top.
    pub search: Option<Search<'a>>,
    /// The address of the page's event stream; its own is [`Shell::SELF`].
    pub live: Option<&'a str>,
    /// What was just done.
    pub toast: Option<&'a Toast>,
    /// Paths of more styles.
    pub styles: &'a [String],
    /// Paths of more scripts (modules).
    pub scripts: &'a [String],
    /// A page without navigation, such as the one to sign in.
    pub bare: bool,
}

impl<'a> Shell<'a> {
    /// The page's own address, for [`Shell::live`].
    pub const SELF: &'static str = "";

    /// A frame without content: set what is needed with `..Shell::new(product)`.
    #[must_use]
    pub const fn new(product: Product) -> Shell<'a> {
        Shell {
            product,
            title: "",
            section: "",
            links: &[],
            crumbs: &[],
            user: None,
            other: None,
            search: None,
            live: None,
            toast: None,
            styles: &[],
            scripts: &[],
            bare: false,
        }
    }

    /// The whole page around its main part.
    #[must_use]
    pub fn render(&self, body: &Html) -> String {
        let mut out = Html::new();
        self.head(&mut out);
        let live = self.live.map(|live| Html::with(" data-live=\"{}\"", &[&live]));
        let class = if self.bare { "bare" } else { "app" };
        out.put("<body class=\"{}\"{}>", &[&Raw(class), &live]);
        out.raw("<a class=\"skip\" href=\"#main\">Skip to the content</a>");
        if self.bare {
            out.put("<main id=\"main\" tabindex=\"-1\">{}</main>", &[body]);
        } else {
            self.side(&mut out);
            out.raw("<div class=\"work\">");
            self.top(&mut out);
            out.put("<main id=\"main\" tabindex=\"-1\">{}</main></div>", &[body]);
        }
        out.raw("<div class=\"toasts\" id=\"toasts\" role=\"status\">");
        if let Some(toast) = self.toast {
            let icon = if toast.tone == Tone::Good { Icon::Check } else { Icon::Info };
            out.put(
                "<div class=\"toast {}\">{}<span>{}</span></div>",
                &[&Raw(toast.tone.name()), &icon, &toast.text],
            );
        }
        out.raw("</div>");
        self.dialogs(&mut out);
        out.raw("</body></html>\n");
        out.into_string()
    }

    fn head(&self, out: &mut Html) {
        out.put(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>{} - Millstream</title>\
             <link rel=\"icon\" href=\"{}\" type=\"image/svg+xml\"><script src=\"{}\"></script>\
             <link rel=\"stylesheet\" href=\"{}\">",
            &[&self.title, &MARK.path(), &THEME.path(), &STYLE.path()],
        );
        for style in self.styles {
            out.put("<link rel=\"stylesheet\" href=\"{}\">", &[style]);
        }
        let ours = [CORE, X_DAG, X_GRID, X_LOG].map(|script| script.path());
        for script in ours.iter().chain(self.scripts) {
            out.put("<script type=\"module\" src=\"{}\"></script>", &[script]);
        }
        out.raw("</head>");
    }

    fn side(&self, out: &mut Html) {
        out.put(
            "<aside class=\"side\" id=\"side\" popover aria-label=\"Navigation\">\
             <a class=\"brand\" href=\"/\"><img src=\"{}\" alt=\"\" width=\"28\" height=\"28\">\
             <span>Millstream<small>{}</small></span></a>",
            &[&MARK.path(), &self.product.name()],
        );
        if let Some(other) = self.other {
            out.raw("<div class=\"products\" role=\"group\" aria-label=\"Products\">");
            for product in [Product::Orchestrator, Product::Console] {
                let word = if product == Product::Console { "Streams" } else { "DAGs" };
                if product == self.product {
                    out.put("<a href=\"/\" aria-current=\"true\">{}</a>", &[&word]);
                } else {
                    out.put("<a href=\"{}\">{}</a>", &[&other, &word]);
                }
            }
            out.raw("</div>");
        }
        out.raw("<nav class=\"links\" aria-label=\"Pages\">");
        let mut group = "";
        for link in self.links {
            if link.group != group {
                group = link.group;
                out.put("<h2>{}</h2>", &[&group]);
            }
            let current = (link.key == self.section).then_some(Raw(" aria-current=\"page\""));
            let shortcut = link.shortcut.map(|letter| letter.to_string());
            out.put(
                "<a href=\"{}\" data-key=\"{}\"{}>{}<span>{}</span></a>",
                &[&link.href, &shortcut, &current, &link.icon, &link.label],
            );
        }
        out.raw("</nav><div class=\"side-end\">");
        if let Some(user) = self.user {
            out.put(
                "<div class=\"who\"><span class=\"face\" aria-hidden=\"true\">{}</span>\
                 <span class=\"who-name\">{}<small>{}</small></span>\
                 <form method=\"post\" action=\"/logout\"><button class=\"icon-button\" \
                 type=\"submit\" aria-label=\"Sign out\" title=\"Sign out\">{}</button></form></div>",
                &[&initial(user.name), &user.name, &user.role, &Icon::SignOut],
            );
        }
        out.raw("</div></aside>");
    }

    fn top(&self, out: &mut Html) {
        out.put(
            "<header class=\"top\"><button class=\"icon-button menu\" type=\"button\" \
             popovertarget=\"side\" aria-label=\"Menu\">{}</button>\
             <nav class=\"crumbs\" aria-label=\"Place\"><ol>",
            &[&Icon::Menu],
        );
        for (label, href) in self.crumbs {
            out.put("<li><a href=\"{}\">{}</a></li>", &[href, label]);
        }
        out.put("<li><span aria-current=\"page\">{}</span></li></ol></nav>", &[&self.title]);
        out.raw("<div class=\"top-end\">");
        if let Some(search) = self.search {
            out.put(
                "<form class=\"search\" role=\"search\" action=\"{}\">{}<input type=\"search\" \
                 name=\"{}\" placeholder=\"{}\" aria-label=\"{}\" data-search autocomplete=\"off\" \
                 spellcheck=\"false\"><kbd>/</kbd></form>",
                &[&search.action, &Icon::Search, &search.name, &search.label, &search.label],
            );
        }
        if self.live.is_some() {
            out.raw(
                "<span class=\"live\" id=\"live\" data-state=\"still\" role=\"status\"><i></i>\
                 <span>Live</span></span>",
            );
        }
        out.put(
            "<button class=\"icon-button\" type=\"button\" data-open=\"keys\" \
             aria-label=\"Keyboard shortcuts\" title=\"Keyboard shortcuts (?)\">{}</button>\
             <button class=\"icon-button\" id=\"theme\" type=\"button\" data-theme-switch \
             aria-label=\"Switch between light and dark\" title=\"Light or dark\">{}</button>\
             </div></header>",
            &[&Icon::Help, &Icon::Theme],
        );
    }

    fn dialogs(&self, out: &mut Html) {
        out.raw(
            "<dialog id=\"ask\" class=\"dialog\" aria-labelledby=\"ask-text\"><form method=\"dialog\">\
             <p id=\"ask-text\"></p><div class=\"form-end\">\
             <button class=\"button\" value=\"no\">Cancel</button>\
             <button class=\"button primary\" value=\"yes\" id=\"ask-yes\">OK</button></div></form>\
             </dialog><dialog id=\"keys\" class=\"dialog keys\" aria-labelledby=\"keys-title\">\
             <form method=\"dialog\"><header class=\"dialog-head\">\
             <h2 id=\"keys-title\">Keyboard shortcuts</h2>",
        );
        out.put(
            "<button class=\"icon-button\" aria-label=\"Close\">{}</button></header><dl>",
            &[&Icon::Cross],
        );
        let mut row = |keys: &[&str], what: &str| {
            let keys = Html::of(|out| {
                for key in keys {
                    out.put("<kbd>{}</kbd>", &[key]);
                }
            });
            let values: [&dyn Part; 2] = [&keys, &what];
            out.put("<div><dt>{}</dt><dd>{}</dd></div>", &values);
        };
        row(&["/"], "Search");
        row(&["?"], "This list");
        row(&["t"], "Light or dark");
        for link in self.links {
            if let Some(letter) = link.shortcut {
                row(&["g", &letter.to_string()], link.label);
            }
        }
        out.raw("</dl></form></dialog>");
    }
}

fn initial(name: &str) -> String {
    name.chars().next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell<'a>(links: &'a [Link<'a>], crumbs: &'a [(&'a str, String)]) -> Shell<'a> {
        Shell { title: "<t>", section: "dags", links, crumbs, ..Shell::new(Product::Orchestrator) }
    }

    #[test]
    fn the_current_link_is_marked_and_foreign_texts_are_inert() {
        let link = |key| Link {
            key,
            href: "/x",
            label: "L",
            icon: Icon::Dag,
            group: "Browse",
            shortcut: Some('d'),
        };
        let links = [link("dags"), link("runs")];
        let crumbs = [("<c>", crate::path(&["<c>"]))];
        let user = Some(User { name: "<u>", role: "Admin" });
        let toast = Toast { tone: Tone::Good, text: "<toast>".to_owned() };
        let shell = Shell { user, toast: Some(&toast), ..shell(&links, &crumbs) };
        let page = shell.render(&Html::with("{}", &[&"<body>"]));
        for foreign in ["<t>", "<c>", "<u>", "<toast>"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert_eq!(page.matches("aria-current=\"page\"").count(), 2, "the link and the place");
        assert!(page.contains("<kbd>g</kbd><kbd>d</kbd>"));
    }

    #[test]
    fn nothing_in_a_page_is_inline_script_or_style() {
        let page = shell(&[], &[]).render(&Html::new());
        assert!(
            !page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick=")
        );
        assert!(page.split("<script").skip(1).all(|script| script.contains("src=\"/assets/")));
    }
}
