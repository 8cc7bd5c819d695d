//! Users, roles, sessions and tokens behind the door.
