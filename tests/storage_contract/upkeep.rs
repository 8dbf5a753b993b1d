//! The room that a store takes, and what is cleared away.

use crate::world::World;

pub(crate) async fn what_is_stored_takes_room(world: World) {
    let fresh = world.store.space().await.unwrap();
    assert!(fresh.database > 0 && fresh.free_disk > 0, "{fresh:?}");
    for key in 0..20 {
        let text = "ліс ".repeat(10_000);
        world.store.set_fact(["one", "two"][key % 2], format!("{key}{text}")).await.unwrap();
    }
    let used = world.store.space().await.unwrap();
    assert!(used.database + used.log > fresh.database + fresh.log + 100_000, "{fresh:?} {used:?}");
}
