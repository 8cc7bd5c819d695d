//! Roles, users and permissions.
//!
//! Owns CREATE, ALTER, DROP and LIST of roles and users, GRANT and REVOKE. Never does: authorise.

use super::{Parser, Result};
use crate::ast::{
    AlterRole, CreateRole, DropRole, GrantPermissions, GrantRole, ListPermissions, ListRoles,
    Permission, Resource, RevokePermissions, RevokeRole, RoleOption, Statement,
};
use crate::lexer::Kind;

impl Parser<'_> {
    /// A role may be a name or a text literal.
    fn role_name(&mut self) -> Result<String> {
        if let Kind::Text(_) = self.peek() {
            return self.expect_text();
        }
        self.ident().map(|ident| ident.name)
    }

    pub(super) fn create_role(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.role_name()?;
        let options = self.role_options()?;
        Ok(Statement::CreateRole(CreateRole { name, if_not_exists, options }))
    }

    pub(super) fn create_user(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.role_name()?;
        let mut options = vec![RoleOption::Login(true)];
        self.user_options(&mut options)?;
        Ok(Statement::CreateRole(CreateRole { name, if_not_exists, options }))
    }

    pub(super) fn alter_role(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists()?;
        let name = self.role_name()?;
        let options = self.role_options()?;
        Ok(Statement::AlterRole(AlterRole { name, if_exists, options }))
    }

    pub(super) fn alter_user(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists()?;
        let name = self.role_name()?;
        let mut options = Vec::new();
        self.user_options(&mut options)?;
        Ok(Statement::AlterRole(AlterRole { name, if_exists, options }))
    }

    pub(super) fn drop_role(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists()?;
        Ok(Statement::DropRole(DropRole { name: self.role_name()?, if_exists }))
    }

    /// `WITH [HASHED] PASSWORD '...'` without `=`, then SUPERUSER or NOSUPERUSER.
    fn user_options(&mut self, options: &mut Vec<RoleOption>) -> Result<()> {
        if self.word("with") {
            let hashed = self.word("hashed");
            self.expect_word("password")?;
            let secret = self.expect_text()?;
            options.push(if hashed {
                RoleOption::HashedPassword(secret)
            } else {
                RoleOption::Password(secret)
            });
        }
        if self.word("superuser") {
            options.push(RoleOption::Superuser(true));
        } else if self.word("nosuperuser") {
            options.push(RoleOption::Superuser(false));
        }
        Ok(())
    }

    fn role_options(&mut self) -> Result<Vec<RoleOption>> {
        let mut options = Vec::new();
        if !self.word("with") {
            return Ok(options);
        }
        loop {
            options.push(self.role_option()?);
            if !self.word("and") {
                return Ok(options);
            }
        }
    }

    fn role_option(&mut self) -> Result<RoleOption> {
        if self.words(&["access", "to"]) {
            return self.role_places("datacenters").map(RoleOption::Datacenters);
        }
        if self.words(&["access", "from"]) {
            return self.role_places("cidrs").map(RoleOption::Cidrs);
        }
        let hashed = self.word("hashed");
        if self.word("password") {
            self.expect_symbol("=")?;
            let secret = self.expect_text()?;
            return Ok(if hashed {
                RoleOption::HashedPassword(secret)
            } else {
                RoleOption::Password(secret)
            });
        }
        for (word, wrap) in
            [("superuser", RoleOption::Superuser as fn(bool) -> _), ("login", RoleOption::Login)]
        {
            if self.word(word) {
                self.expect_symbol("=")?;
                let value = self.word("true");
                if !value {
                    self.expect_word("false")?;
                }
                return Ok(wrap(value));
            }
        }
        self.expect_word("options")?;
        self.expect_symbol("=")?;
        self.expect_symbol("{")?;
        self.literal_map().map(RoleOption::Options)
    }

    fn role_places(&mut self, what: &str) -> Result<Option<Vec<String>>> {
        if self.word("all") {
            self.expect_word(what)?;
            return Ok(None);
        }
        self.expect_word(what)?;
        self.expect_symbol("{")?;
        let mut places = vec![self.expect_text()?];
        while self.symbol(",") {
            places.push(self.expect_text()?);
        }
        self.expect_symbol("}")?;
        Ok(Some(places))
    }

    /// The word LIST has been taken.
    pub(super) fn list(&mut self) -> Result<Statement> {
        if self.word("users") {
            let list = ListRoles { of: None, no_recursive: false, users: true };
            return Ok(Statement::ListRoles(list));
        }
        if self.word("roles") {
            let of = if self.word("of") { Some(self.role_name()?) } else { None };
            let no_recursive = self.word("norecursive");
            return Ok(Statement::ListRoles(ListRoles { of, no_recursive, users: false }));
        }
        let Some(permissions) = self.permissions()? else { return self.no_viable() };
        let on = if self.word("on") { Some(self.resource()?) } else { None };
        let of = if self.word("of") { Some(self.role_name()?) } else { None };
        let no_recursive = self.word("norecursive");
        let list = ListPermissions { permissions, on, of, no_recursive };
        Ok(Statement::ListPermissions(list))
    }

    /// The word GRANT has been taken.
    pub(super) fn grant(&mut self) -> Result<Statement> {
        if let Some(permissions) = self.permissions_on()? {
            let on = self.resource()?;
            self.expect_word("to")?;
            let to = self.role_name()?;
            return Ok(Statement::GrantPermissions(GrantPermissions { permissions, on, to }));
        }
        let role = self.role_name()?;
        self.expect_word("to")?;
        Ok(Statement::GrantRole(GrantRole { role, to: self.role_name()? }))
    }

    /// The word REVOKE has been taken.
    pub(super) fn revoke(&mut self) -> Result<Statement> {
        if let Some(permissions) = self.permissions_on()? {
            let on = self.resource()?;
            self.expect_word("from")?;
            let from = self.role_name()?;
            return Ok(Statement::RevokePermissions(RevokePermissions { permissions, on, from }));
        }
        let role = self.role_name()?;
        self.expect_word("from")?;
        Ok(Statement::RevokeRole(RevokeRole { role, from: self.role_name()? }))
    }

    /// Permissions and ON; takes nothing when a role stands here.
    fn permissions_on(&mut self) -> Result<Option<Vec<Permission>>> {
        let back = self.at;
        if let Some(permissions) = self.permissions()?
            && self.word("on")
        {
            return Ok(Some(permissions));
        }
        self.at = back;
        Ok(None)
    }

    /// `ALL [PERMISSIONS]` is an empty list.
    fn permissions(&mut self) -> Result<Option<Vec<Permission>>> {
        if self.word("all") {
            let _ = self.word("permissions");
            return Ok(Some(Vec::new()));
        }
        let mut permissions = Vec::new();
        loop {
            let Some(permission) = self.permission() else {
                return if permissions.is_empty() { Ok(None) } else { self.no_viable() };
            };
            permissions.push(permission);
            let _ = self.word("permission") || self.word("permissions");
            if !self.symbol(",") {
                return Ok(Some(permissions));
            }
        }
    }

    fn permission(&mut self) -> Option<Permission> {
        [
            ("create", Permission::Create),
            ("alter", Permission::Alter),
            ("drop", Permission::Drop),
            ("select_masked", Permission::SelectMasked),
            ("select", Permission::Select),
            ("modify", Permission::Modify),
            ("authorize", Permission::Authorize),
            ("describe", Permission::Describe),
            ("execute", Permission::Execute),
            ("unmask", Permission::Unmask),
        ]
        .into_iter()
        .find(|(word, _)| self.word(word))
        .map(|(_, permission)| permission)
    }

    fn resource(&mut self) -> Result<Resource> {
        if self.words(&["all", "keyspaces"]) {
            return Ok(Resource::AllKeyspaces);
        }
        if self.words(&["all", "tables", "in", "keyspace"]) {
            return self.ident().map(Resource::AllTables);
        }
        if self.words(&["all", "roles"]) {
            return Ok(Resource::AllRoles);
        }
        if self.words(&["all", "functions"]) {
            let keyspace = self.words(&["in", "keyspace"]);
            let keyspace = if keyspace { Some(self.ident()?) } else { None };
            return Ok(Resource::AllFunctions(keyspace));
        }
        if self.words(&["all", "mbeans"]) {
            return Ok(Resource::Mbean(None));
        }
        if self.word("keyspace") {
            return self.ident().map(Resource::Keyspace);
        }
        if self.word("role") {
            return self.role_name().map(Resource::Role);
        }
        if self.word("mbean") || self.word("mbeans") {
            return self.expect_text().map(|name| Resource::Mbean(Some(name)));
        }
        if self.word("function") {
            let name = self.qualified_name()?;
            self.expect_symbol("(")?;
            while !self.symbol(")") {
                self.type_name()?;
                let _ = self.symbol(",");
            }
            return Ok(Resource::Function(name));
        }
        let _ = self.word("table") || self.word("columnfamily");
        self.qualified_name().map(Resource::Table)
    }
}
