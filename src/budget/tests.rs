use tokio::time::Instant;

use super::*;

fn budget_of(bytes: usize) -> Budget {
    Budget::new(Limit::new("the limit", bytes))
}

#[tokio::test(start_paused = true)]
async fn a_full_budget_refuses_after_a_short_wait_and_recovers() {
    let budget = budget_of(100);
    let mut first = budget.reserve(60).await.unwrap();
    assert_eq!(budget.reserve(50).await.unwrap_err(), Exhausted::ForNow);
    first.resize(10).await.unwrap();
    let second = budget.reserve(90).await.unwrap();
    assert_eq!(first.resize(11).await, Err(Exhausted::ForNow));
    assert_eq!(budget.in_use(), 100);
    drop(second);
    drop(first);
    assert_eq!(budget.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn more_than_the_whole_budget_is_refused() {
    for bytes in [101, usize::MAX] {
        assert_eq!(budget_of(100).reserve(bytes).await.unwrap_err(), Exhausted::ForEver);
    }
    let caller = budget_of(100).for_caller(Arc::default());
    assert_eq!(caller.reserve(67).await.unwrap_err(), Exhausted::ForEver);
    let mut reservation = caller.reserve(60).await.unwrap();
    assert_eq!(reservation.resize(67).await, Err(Exhausted::ForEver));
}

#[tokio::test(start_paused = true)]
async fn callers_who_hold_on_to_their_bytes_leave_some_to_the_others() {
    let budget = budget_of(1000);
    let mut held = Vec::new();
    for _ in 0..3 {
        let caller = budget.for_caller(Arc::default());
        while let Ok(reservation) = caller.reserve(10).await {
            held.push(reservation);
        }
    }
    assert!(budget.in_use() <= 970, "{}", budget.in_use());
    let newcomer = Arc::<Share>::default();
    let caller = budget.for_caller(newcomer.clone());
    let mut reservation = caller.reserve(10).await.unwrap();
    reservation.resize(20).await.unwrap();
    reservation.resize(5).await.unwrap();
    assert_eq!(newcomer.held(), 5);
    drop(reservation);
    assert_eq!(newcomer.held(), 0);
    drop(held);
    assert_eq!(budget.in_use(), 0);
}

/// The callers of requests: each with a share of its own, or all of them the same one without.
fn callers(budget: &Budget, apart: bool) -> impl Fn() -> Budget {
    let budget = budget.clone();
    move || if apart { budget.for_caller(Arc::default()) } else { budget.clone() }
}

#[tokio::test(start_paused = true)]
async fn a_large_request_that_waits_does_not_hold_up_small_ones_of_others() {
    for apart in [true, false] {
        let budget = budget_of(100);
        let caller = callers(&budget, apart);
        let held = caller().reserve(50).await.unwrap();
        let (large, small) = (caller(), caller());
        let large = tokio::spawn(async move { large.reserve(60).await });
        tokio::task::yield_now().await;
        let start = Instant::now();
        for _ in 0..10 {
            small.reserve(10).await.unwrap();
        }
        assert_eq!((start.elapsed(), budget.in_use()), (Duration::ZERO, 50), "apart: {apart}");
        drop(held);
        assert!(large.await.unwrap().is_ok());
        assert_eq!(budget.in_use(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_request_gets_its_turn_among_small_ones_that_take_more_than_it_leaves() {
    for (apart, count) in [(true, 24), (true, 50), (false, 24), (false, 50)] {
        let budget = budget_of(1000);
        let caller = callers(&budget, apart);
        let small = |hold: u64| {
            let budget = caller();
            tokio::spawn(async move {
                loop {
                    let reservation = budget.reserve(25).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(hold)).await;
                    drop(reservation);
                }
            })
        };
        let small: Vec<_> = (0..count).map(|index| small(20 + index)).collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..3 {
            drop(caller().reserve(600).await.unwrap());
        }
        assert!(small.iter().all(|task| !task.is_finished()), "no small one of {count} is refused");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_free_is_refused_to_nobody_whoever_waits() {
    let budget = budget_of(100);
    let stalled = budget.reserve(60).await.unwrap();
    let large: Vec<_> = (0..20)
        .map(|index| {
            let budget = budget.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(index * 40)).await;
                budget.reserve(50).await.unwrap_err()
            })
        })
        .collect();
    for index in 0..100 {
        let start = Instant::now();
        let reservation = budget.reserve(30).await.unwrap();
        assert!(start.elapsed() <= PATIENCE, "{:?}", start.elapsed());
        tokio::time::sleep(Duration::from_millis(index % 20)).await;
        drop(reservation);
    }
    for large in large {
        assert_eq!(large.await.unwrap(), Exhausted::ForNow);
    }
    drop(stalled);
    assert_eq!(budget.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_for_a_caller_who_holds_more() {
    let budget = budget_of(1000);
    let stalled = budget.for_caller(Arc::default());
    let held = stalled.reserve(600).await.unwrap();
    let small = budget.for_caller(Arc::default());
    let mut passing = Vec::new();
    for _ in 0..10 {
        passing.push(small.reserve(20).await.unwrap());
    }
    let stalled = tokio::spawn(async move { stalled.reserve(60).await.unwrap_err() });
    tokio::task::yield_now().await;
    let start = Instant::now();
    for _ in 0..10 {
        passing.remove(0);
        passing.push(small.reserve(20).await.unwrap());
    }
    passing.push(small.reserve(200).await.unwrap());
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(stalled.await.unwrap(), Exhausted::ForNow);
    drop((held, passing));
    assert_eq!(budget.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_while_waiting_takes_nothing_along() {
    let budget = budget_of(100);
    let held = budget.reserve(80).await.unwrap();
    let waiting = |bytes: usize| {
        let budget = budget.clone();
        tokio::spawn(async move { budget.reserve(bytes).await })
    };
    let (gone, stays) = (waiting(90), waiting(60));
    tokio::task::yield_now().await;
    gone.abort();
    // The bytes are granted to one that goes before it learns of it.
    let unlucky = waiting(40);
    tokio::task::yield_now().await;
    drop(held);
    unlucky.abort();
    assert_eq!(stays.await.unwrap().unwrap().bytes(), 60);
    assert!(unlucky.await.is_err());
    assert_eq!(budget.in_use(), 0);
}

/// Whatever callers do, the bytes in use are those of their reservations, and each waits half a second at most.
#[tokio::test(start_paused = true)]
async fn any_callers_get_on_with_each_other() {
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let budget = budget_of(1000);
        let callers: Vec<_> = (0..4).map(|_| budget.for_caller(Arc::default())).collect();
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let (caller, seed) = (callers[random.usize(0..callers.len())].clone(), random.u64(..));
                tokio::spawn(one_of_many(caller, fastrand::Rng::with_seed(seed)))
            })
            .collect();
        for task in tasks {
            if random.u8(0..10) == 0 {
                task.abort();
            }
            let ended = task.await;
            assert!(ended.is_ok() || ended.unwrap_err().is_cancelled(), "seed {seed}");
        }
        assert_eq!(budget.in_use(), 0, "seed {seed}");
        assert!(callers.iter().all(|caller| caller.share.as_ref().is_some_and(|share| share.held() == 0)));
    }
}

async fn one_of_many(caller: Budget, mut random: fastrand::Rng) {
    for _ in 0..20 {
        let start = Instant::now();
        let reserved = caller.reserve(random.usize(0..700)).await;
        assert!(start.elapsed() <= PATIENCE + Duration::from_millis(1));
        let pause = Duration::from_millis(random.u64(0..200));
        if let Ok(mut reservation) = reserved {
            tokio::time::sleep(pause).await;
            let resized = reservation.resize(random.usize(0..700)).await;
            assert!(caller.in_use() >= reservation.bytes() && caller.in_use() <= caller.limit());
            if resized.is_ok() {
                tokio::time::sleep(pause).await;
            }
        }
    }
}
