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

pub(crate) async fn a_backup_is_a_file_that_a_newer_one_of_its_hour_replaces(world: World) {
    let first = world.store.back_up(world.now()).await.unwrap();
    assert!(first.metadata().unwrap().len() > 0);
    world.seconds(3_600);
    let second = world.store.back_up(world.now()).await.unwrap();
    assert!(first.exists() && second.exists());
    world.seconds(1);
    let third = world.store.back_up(world.now()).await.unwrap();
    assert!(first.exists() && !second.exists() && third.exists());
}
